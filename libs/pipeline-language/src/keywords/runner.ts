import type { ClusterPower, RunnerRequirements } from '@foldline/contracts';
import { TEXT } from '../grammar/json-schema.ts';
import { present } from '../grammar/present.ts';
import { record, type Field, type Fields, type Gap } from '../grammar/record.ts';
import { choice, list, mapped, number, oneOrMore, orMap, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { shorten } from '../node.ts';
import { invalid } from '../read.ts';
import { parseSize } from '../size.ts';
import { variables, type Variables } from './variables.ts';

export const cluster = choice<ClusterPower>(['high-power', 'low-power']);

const size: Shape<number> = mapped(
  text,
  (written, node, where) => {
    const bytes = parseSize(written);
    if (bytes !== undefined && bytes > 0) return bytes;
    where.report.error(
      'invalid-size',
      node.at,
      `${where.label} is not a size: \`${shorten(written)}\`.`,
      'Write for example `512MB` or `8GB`.',
    );
    return undefined;
  },
  { title: 'size', type: ['string', 'integer'] },
);

/** `resources: {cpu, memory, disk}`, each optional (seed S0-14). */
export const resources: Shape<Pick<RunnerRequirements, 'cpu' | 'memoryBytes' | 'diskBytes'>> = mapped(
  record<{ cpu: number; memory: number; disk: number }>({
    cpu: { shape: number(0.01, 1024), description: 'Processor cores.', example: 4 },
    memory: { shape: size, description: 'Memory. `8GB` is 8·10⁹ bytes, `8GiB` is 8·2³⁰.', example: '8GB' },
    disk: { shape: size, description: 'Room on disk.', example: '20GB' },
  }),
  ({ cpu, memory, disk }) => ({
    ...present('cpu', cpu),
    ...present('memoryBytes', memory),
    ...present('diskBytes', disk),
  }),
);

/** Labels that the runner must have, all of them. */
export const tags: Shape<string[]> = mapped(texts, (read, node, where) => {
  if (read.length > limits.tags) return invalid(node, where, `may have at most ${limits.tags} tags`);
  return [...new Set(read.map(({ value }) => value))];
});

const imageName: Shape<string> = mapped(
  text,
  (name, node, where) => {
    const usable = /^[A-Za-z0-9$][\w.$:/@{}-]*$/.test(name) && name.length <= limits.nameLength;
    return usable ? name : invalid(node, where, 'must be the name of an image');
  },
  TEXT,
);

const containers: Gap = { why: 'no runner runs containers yet' };
const beside = { name: 'node:22' };

const user: Field<string> = { shape: text, description: 'Who runs it: a name or a number.', example: '1001' };
const docker = record<{ platform: string; user: string }>({
  platform: { shape: text, description: 'The architecture of the image.', example: 'linux/arm64' },
  user,
});
const kubernetes = record<{ user: string }>({ user });
const pullPolicies = ['always', 'if-not-present', 'never'] as const;

type Image = {
  name: string;
  entrypoint: unknown;
  pull_policy: unknown;
  docker: unknown;
  kubernetes: unknown;
};

const imageFields: Fields<Image> = {
  name: { shape: imageName, description: 'The image.', example: 'node:22' },
  entrypoint: {
    shape: texts,
    description: 'What is run instead of the entrypoint of the image.',
    example: ['/bin/sh', '-c'],
    beside,
    planned: containers,
  },
  pull_policy: {
    shape: oneOrMore(choice(pullPolicies), pullPolicies.length),
    description: 'When the image is fetched.',
    example: 'if-not-present',
    beside,
    planned: containers,
  },
  docker: {
    shape: docker,
    description: 'Options of Docker.',
    example: { platform: 'linux/arm64' },
    beside,
    planned: containers,
  },
  kubernetes: {
    shape: kubernetes,
    description: 'Options of Kubernetes.',
    example: { user: '1001' },
    beside,
    planned: containers,
  },
};

const named = (image: Shape<Partial<Image>>): Shape<string> =>
  orMap(
    imageName,
    mapped(image, ({ name }, node, where) =>
      node.kind === 'map' && !node.entries.has('name') ? invalid(node, where, 'needs a `name`') : name,
    ),
  );

/** `image: name` or `image: {name, …}`. */
export const image: Shape<string> = named(record(imageFields));

const service: Shape<string> = named(
  record<Image & { alias: string; command: unknown; variables: Variables }>({
    ...imageFields,
    alias: {
      shape: text,
      description: 'Under which names the job reaches the service.',
      example: 'database',
      beside,
      planned: containers,
    },
    command: {
      shape: texts,
      description: 'What is run instead of the command of the image.',
      example: ['redis-server', '--save', ''],
      beside,
      planned: containers,
    },
    variables: {
      shape: variables,
      description: 'Variables of the service alone.',
      example: { POSTGRES_DB: 'test' },
      beside,
      planned: containers,
    },
  }),
);

export const services = list(service, limits.services);
