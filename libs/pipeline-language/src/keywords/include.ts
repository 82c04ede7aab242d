import { anyOf, listOf, mapOf, TEXT } from '../grammar/json-schema.ts';
import { entryOf, record, type Fields } from '../grammar/record.ts';
import { mapped, oneOrMore, shape, text, within, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { MapNode, Node } from '../node.ts';
import { hasVariables, placeOf, type Target } from '../place-of-include.ts';
import { inside, invalid, readMap, type Located, type Where } from '../read.ts';
import { includeRules, type Rule } from './rules.ts';

/** What is taken over from where. Variables in the targets, whose paths may be patterns, are not filled in yet. */
export type Include = {
  targets: Located<Target>[];
  /** SHA-256 of what is remote, in base64. */
  integrity?: string;
  rules?: Rule[];
  inputs?: MapNode;
  /** Whose artifact it is. */
  job?: Located<string>;
};

type Text = Located<string>;
const placed: Shape<Text> = mapped(text, (value, { at }) => ({ value, at }));

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
type WrittenInFile = Written & { rules: Rule[] };
type WrittenInTrigger = Written & { artifact: Text; job: Text };

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

const writtenInFile = record<WrittenInFile>(
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

const writtenInTrigger = record<WrittenInTrigger>(
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

type Form = typeof writtenInFile | typeof writtenInTrigger;

const KINDS = ['local', 'remote', 'project', 'component', 'artifact'] as const;
/** What goes only with another keyword, and what is nothing without one. */
const COMPANIONS = { file: 'project', ref: 'project', integrity: 'remote', job: 'artifact' } as const;
const NEEDED = {
  project: { key: 'file', hint: 'Write `file:` and a path in that project.' },
  artifact: { key: 'job', hint: 'Write `job:` and the name of the job that makes the file.' },
} as const;

const readInclude = (form: Form, node: Node, where: Where): Include | undefined => {
  if (node.kind !== 'map') {
    const read = placed.read(node, where);
    return read && included([byItself(read)], {}, where);
  }
  const read: Partial<WrittenInFile & WrittenInTrigger> | undefined = form.read(node, where);
  if (!read || !isWhole(form, node, where)) return undefined;
  return included(targetsOf(read), read, where);
};

/** An address, or else a path. */
const byItself = ({ value, at }: Text): Located<Target> => ({
  value: /^https?:/i.test(value) ? { kind: 'remote', url: value } : { kind: 'local', path: value },
  at,
});

const targetsOf = ({
  local,
  remote: address,
  project,
  ref,
  file = [],
  component,
  artifact,
  job,
}: Partial<WrittenInTrigger>): Located<Target>[] => {
  if (local) return [{ value: { kind: 'local', path: local.value }, at: local.at }];
  if (address) return [{ value: { kind: 'remote', url: address.value }, at: address.at }];
  if (component) return [{ value: { kind: 'component', reference: component.value }, at: component.at }];
  if (artifact && job) return [{ value: { kind: 'artifact', path: artifact.value, job: job.value }, at: artifact.at }];
  if (!project) return [];
  const of = { kind: 'project' as const, project: project.value, ...(ref !== undefined && { ref }) };
  return file.map(({ value, at }) => ({ value: { ...of, path: value }, at }));
};

const included = (
  targets: readonly Located<Target>[],
  { integrity: digest, rules, inputs: given, job }: Partial<WrittenInFile & WrittenInTrigger>,
  where: Where,
): Include | undefined => {
  // What variables come to is seen when they are filled in.
  const known = targets.filter(({ value, at }) => hasVariables(value) || placeOf(value, at, where));
  if (known.length === 0) return undefined;
  return {
    targets: known,
    ...(digest !== undefined && { integrity: digest }),
    ...(rules && { rules }),
    ...(given && { inputs: given }),
    ...(job && known.some(({ value }) => value.kind === 'artifact') && { job }),
  };
};

/** Says what is not there, or does not go together. */
const isWhole = ({ fields, refused: never }: Form, node: MapNode, where: Where): boolean => {
  const known = KINDS.filter((kind) => Object.hasOwn(fields, kind));
  const kinds = known.filter((kind) => node.entries.has(kind));
  const [kind, second] = kinds;
  if (second !== undefined) {
    const message = `${where.label} has both \`${kind}\` and \`${second}\`.`;
    where.report.error(
      'conflicting-keywords',
      entryOf(node, second)!.at,
      message,
      'Write an item of the list for each.',
    );
    return false;
  }
  if (kind === undefined) {
    if (Object.keys(never).some((key) => node.entries.has(key))) return false;
    const names = known.map((each) => `\`${each}\``);
    const rule = `has no ${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
    invalid(node, where, rule, 'Write `local:` and the path of a file of this repository.');
    return false;
  }
  for (const [key, of] of Object.entries(COMPANIONS)) {
    const entry = entryOf(node, key);
    if (!entry || of === kind) continue;
    const message = `${inside(where, key).label} goes with \`${of}\`, and here is \`${kind}\`.`;
    where.report.error('conflicting-keywords', entry.at, message, `Remove \`${key}\`.`);
  }
  const needed = kind === 'project' || kind === 'artifact' ? NEEDED[kind] : undefined;
  if (!needed || node.entries.has(needed.key)) return true;
  invalid(node, where, `has \`${kind}\` and no \`${needed.key}\``, needed.hint);
  return false;
};

/** One of them, or a list. */
const several = (form: Form, most?: number): Shape<Include[]> => {
  const one = anyOf(TEXT, form.schema);
  return shape(
    (node, where) => {
      const items = node.kind === 'list' ? node.items : [node];
      if (most !== undefined && items.length > most) return invalid(node, where, `may have at most ${most} files`);
      return items.map((item) => readInclude(form, item, where)).filter((include) => include !== undefined);
    },
    anyOf(one, listOf(one, most)),
    within('item', form),
  );
};

/** `include:` of a file. */
export const includes: Shape<Include[]> = several(writtenInFile);

/** `include:` of a `trigger`, and of what a child pipeline is put together from: all of them, or it is not known. */
export const childFiles: Shape<Include[]> = mapped(
  several(writtenInTrigger, limits.childFiles),
  (read, node, where) => {
    if (node.kind !== 'list' || read.length === node.items.length) return read.length > 0 ? read : noFile(node, where);
    return undefined;
  },
);

const noFile = (node: Node, where: Where): undefined =>
  node.kind === 'list' ? invalid(node, where, 'names no file', 'Name a file of this repository.') : undefined;
