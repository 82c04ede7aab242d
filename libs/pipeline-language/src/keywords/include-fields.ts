import { anyOf, mapOf, TEXT } from '../grammar/json-schema.ts';
import { record, type Fields } from '../grammar/record.ts';
import { mapped, oneOrMore, shape, text, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { MapNode } from '../node.ts';
import { invalid, readMap, type Located } from '../read.ts';
import { includeRules, type Rule } from './rules.ts';

type Text = Located<string>;
export const placed: Shape<Text> = mapped(text, (value, { at }) => ({ value, at }));

const integrity: Shape<string> = mapped(text, (value, node, where) => {
  const [, digest] = /^sha256-([A-Za-z0-9+/]{43}=)$/.exec(value) ?? [];
  return digest ?? invalid(node, where, 'must be `sha256-` and the SHA-256 of the file in base64', HOW_TO_HASH);
});
const HOW_TO_HASH = 'Make it by `openssl dgst -sha256 -binary build.yml | openssl base64 -A`.';

export const inputs: Shape<MapNode> = shape(
  (node, where) => (readMap(node, where) && node.kind === 'map' ? node : undefined),
  mapOf(anyOf(TEXT, { type: 'array' })),
);

const beside = { local: 'ci/build.yml' };
const remote = 'https://example.com/ci/build.yml';
type Written = {
  local: Text;
  remote: Text;
  integrity: string;
  project: Text;
  ref: string;
  file: Text[];
  component: Text;
  inputs: MapNode;
};
export type WrittenInFile = Written & { rules: Rule[] };
export type WrittenInTrigger = Written & { artifact: Text; job: Text };

const everywhere: Fields<Written> = {
  local: {
    shape: placed,
    description: 'A path from the root of the repository, or a pattern.',
    example: 'ci/build.yml',
  },
  remote: {
    shape: placed,
    description: 'The address of a file, on a host that the operator of the server allows.',
    example: remote,
  },
  integrity: {
    shape: integrity,
    description: 'The SHA-256 that a remote file must have.',
    example: 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
    beside: { remote },
  },
  project: {
    shape: placed,
    description: 'A project of this server whose files are taken over, as `owner/name`.',
    example: 'acme/library',
    beside: { file: 'ci/build.yml' },
  },
  ref: {
    shape: text,
    description: 'The branch, tag or commit of that project; its default branch without it.',
    example: 'v1.2.0',
    beside: { project: 'acme/library', file: 'ci/build.yml' },
  },
  file: {
    shape: oneOrMore(placed, limits.includes),
    description: 'A path in that project, or a list of them.',
    example: ['ci/build.yml', 'ci/test.yml'],
    beside: { project: 'acme/library' },
  },
  component: {
    shape: placed,
    description: 'A component of a project of this server, with its version.',
    example: '$CI_SERVER_FQDN/acme/library/build@1.2',
  },
  inputs: {
    shape: inputs,
    description: 'What the file asks for in its `spec:inputs`.',
    example: { level: 'full' },
    beside,
  },
};

const refused = {
  cache: 'what is remote is read anew for every plan',
  template: 'no templates are built in; copy the file into the repository, or include it by its address',
};
const ofChild = 'only a child pipeline is made of artifacts; start one by `trigger`';

/** An item of `include`, in a file. */
export const writtenInFile = record<WrittenInFile>(
  {
    ...everywhere,
    rules: {
      shape: includeRules,
      description: 'Whether the file is included: the first rule that holds decides; when none does, it is not.',
      example: [{ if: '$CI_COMMIT_TAG' }],
      beside,
    },
  },
  { refused: { ...refused, artifact: ofChild, job: ofChild } },
);

/** The same in a `trigger`, which has no rules of its own. */
export const writtenInTrigger = record<WrittenInTrigger>(
  {
    ...everywhere,
    artifact: {
      shape: placed,
      description: 'A path among the artifacts of an earlier job.',
      example: 'child.yml',
      beside: { job: 'build' },
    },
    job: {
      shape: placed,
      description: 'The job whose artifacts they are.',
      example: 'build',
      beside: { artifact: 'child.yml' },
    },
  },
  { refused },
);
