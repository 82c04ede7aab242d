import { anyOf, listOf, TEXT } from '../grammar/json-schema.ts';
import { entryOf } from '../grammar/record.ts';
import { mapped, shape, within, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { MapNode, Node } from '../node.ts';
import { hasVariables, placeOf, type Target } from '../place-of-include.ts';
import { inside, invalid, type Located, type Where } from '../read.ts';
import {
  placed,
  writtenInFile,
  writtenInTrigger,
  type WrittenInFile,
  type WrittenInTrigger,
} from './include-fields.ts';
import type { Rule } from './rules.ts';

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
const byItself = ({ value, at }: Located<string>): Located<Target> => ({
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
    const items = node.kind === 'list' ? node.items.length : 1;
    if (items === 0) return invalid(node, where, 'names no file', 'Name a file of this repository.');
    return read.length === items ? read : undefined;
  },
);
