import { isImageName, type ContainerOptions, type PlannedService, type PullPolicy } from '@foldline/contracts';
import { TEXT } from '../grammar/json-schema.ts';
import { present } from '../grammar/present.ts';
import { record, type Fields } from '../grammar/record.ts';
import { choice, list, mapped, oneOrMore, orMap, text, texts, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { invalid, type Located } from '../read.ts';
import { variables, type Variables } from './variables.ts';

export type Image = { name: string; options?: ContainerOptions };

const imageName: Shape<string> = mapped(
  text,
  (name, node, where) => {
    const usable = name.includes('$') ? /^[A-Za-z0-9$][\w.$:/@{}-]*$/.test(name) : isImageName(name);
    return usable && name.length <= limits.nameLength ? name : invalid(node, where, 'must be the name of an image');
  },
  TEXT,
);

/** What a host may be called (RFC 1123), or variables that say it. */
const alias = /^[A-Za-z0-9$_][\w.${}-]*$/;
const aliases: Shape<string[]> = mapped(
  text,
  (written, node, where) => {
    const names = written.split(/[\s,]+/).filter(Boolean);
    const usable = names.length > 0 && names.every((name) => alias.test(name) && name.length <= limits.nameLength);
    return usable ? names : invalid(node, where, 'must be the name of a host, or several with commas between them');
  },
  TEXT,
);

const beside = { name: 'node:22' };
const pullPolicies = ['always', 'if-not-present', 'never'] as const;

type DockerOptions = { platform: string; user: string };
const docker = record<DockerOptions>({
  platform: { shape: text, description: 'The architecture of the image.', example: 'linux/arm64' },
  user: { shape: text, description: 'Who runs it: a name or a number.', example: '1001' },
});
const kubernetes = record<{ user: string }>({
  user: { shape: text, description: 'Who runs it: a name or a number.', example: '1001' },
});

type Container = {
  name: string;
  entrypoint: Located<string>[];
  pull_policy: PullPolicy[];
  docker: Partial<DockerOptions>;
  kubernetes: unknown;
};

const containerFields: Fields<Container> = {
  name: { shape: imageName, description: 'The image.', example: 'node:22' },
  entrypoint: {
    shape: texts,
    description: 'What is run instead of the entrypoint of the image; one empty text takes it away.',
    example: ['/bin/sh', '-c'],
    beside,
  },
  pull_policy: {
    shape: oneOrMore(choice<PullPolicy>(pullPolicies), pullPolicies.length),
    description: 'When the image is fetched. Of several policies the next one is taken where one fails.',
    example: 'if-not-present',
    beside,
  },
  docker: {
    shape: docker,
    description: 'Options of Docker.',
    example: { platform: 'linux/arm64' },
    beside,
  },
  kubernetes: {
    shape: kubernetes,
    description: 'Options of Kubernetes.',
    example: { user: '1001' },
    beside,
    planned: { why: 'no runner runs jobs in pods' },
  },
};

const optionsOf = ({ entrypoint, pull_policy, docker }: Partial<Container>): ContainerOptions => ({
  ...present(
    'entrypoint',
    entrypoint?.map(({ value }) => value),
  ),
  ...present('pullPolicy', pull_policy),
  ...present('user', docker?.user),
  ...present('platform', docker?.platform),
});

/** A name alone, or a map that has one. */
const named = <Read extends Partial<Container>, Made>(
  map: Shape<Read>,
  make: (name: string, read: Partial<Read>) => Made,
): Shape<Made> =>
  orMap(
    mapped(imageName, (name) => make(name, {})),
    mapped(map, (read, node, where) => {
      if (read.name !== undefined) return make(read.name, read);
      return node.kind === 'map' && !node.entries.has('name') ? invalid(node, where, 'needs a `name`') : undefined;
    }),
  );

/** `image: name` or `image: {name, …}`. */
export const image: Shape<Image> = named(record(containerFields), (name, read) => {
  const options = optionsOf(read);
  return { name, ...(Object.keys(options).length > 0 && { options }) };
});

type Service = Container & { alias: string[]; command: Located<string>[]; variables: Variables };

const service: Shape<string | PlannedService> = named(
  record<Service>({
    ...containerFields,
    alias: {
      shape: aliases,
      description: 'Under which names the job reaches the service, besides those that the image gives it.',
      example: 'database',
      beside,
    },
    command: {
      shape: texts,
      description: 'What is run instead of the command of the image.',
      example: ['redis-server', '--save', ''],
      beside,
    },
    variables: {
      shape: variables,
      description: 'Variables of the service alone, besides those of the job.',
      example: { POSTGRES_DB: 'test' },
      beside,
    },
  }),
  (image, read) => {
    const more = {
      ...optionsOf(read),
      ...present('aliases', read.alias),
      ...present(
        'command',
        read.command?.map(({ value }) => value),
      ),
      ...present('variables', read.variables?.values),
      ...(read.variables && read.variables.raw.length > 0 && { rawVariables: read.variables.raw }),
    };
    return Object.keys(more).length > 0 ? { image, ...more } : image;
  },
);

export const services = list(service, limits.services);
