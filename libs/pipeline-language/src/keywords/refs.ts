import { present } from '../grammar/present.ts';
import { record } from '../grammar/record.ts';
import { list, mapped, orMap, texts, type Shape } from '../grammar/shape.ts';
import { shape } from '../grammar/shape.ts';
import { TEXT } from '../grammar/json-schema.ts';
import { limits } from '../limits.ts';
import { readPattern } from '../pattern.ts';
import { invalid, type Located, type Where } from '../read.ts';
import { changedPaths } from './files-of-rules.ts';
import { readCondition, type Condition } from './rules.ts';

export const refKeywords = [
  'branches',
  'tags',
  'pushes',
  'api',
  'web',
  'schedules',
  'merge_requests',
  'pipelines',
] as const;
export type RefKeyword = (typeof refKeywords)[number];

/** One item of `only` or `except`. `text` is the author's spelling. */
export type RefRule = { text: string; project?: string } & (
  | { kind: 'name'; name: string }
  | { kind: 'keyword'; keyword: RefKeyword }
  | { kind: 'never' }
  | { kind: 'pattern'; source: string }
);

/** What `only` asks for: all of it. Of what `except` names, one is enough. */
export type Refs = { refs?: RefRule[]; variables?: Condition[]; changes?: Located<string>[] };

/** Keywords of GitLab for what asks for no pipeline here; without this they would be taken for branches, in silence. */
const neverAsk: readonly string[] = [
  'triggers',
  'external',
  'external_pull_requests',
  'chat',
  'ondemand_dast_scan',
  'ondemand_dast_validation',
];

const isKeyword = (text: string): text is RefKeyword => refKeywords.some((keyword) => keyword === text);

/** `main@ada/engine`: of that project alone, for a file that others copy. */
const OF_PROJECT = /^(.+)@([\w.-]+(?:\/[\w.-]+)+)$/s;

const readRef = ({ value: text, at }: Located<string>, where: Where): RefRule | undefined => {
  const [, ref = text, project] = OF_PROJECT.exec(text) ?? [];
  const written = { text, ...present('project', project) };
  if (isKeyword(ref)) return { ...written, kind: 'keyword', keyword: ref };
  if (neverAsk.includes(ref)) {
    const message = `${where.label} has the keyword \`${ref}\`, for what never asks for a pipeline here.`;
    where.report.warn('ref-never-matches', at, message);
    return { ...written, kind: 'never' };
  }
  if (!ref.startsWith('/')) return { ...written, kind: 'name', name: ref };
  const source = readPattern(ref, at, where);
  return source === undefined ? undefined : { ...written, kind: 'pattern', source };
};

const refs: Shape<RefRule[]> = mapped(texts, (read, node, where) => {
  if (read.length === 0) {
    const hint = 'Name a branch, a tag or a keyword, or remove it.';
    where.report.error('wrong-type', node.at, `${where.label} names no ref.`, hint);
    return undefined;
  }
  if (read.length > limits.refsPerJob) return invalid(node, where, `may name at most ${limits.refsPerJob} refs`);
  return read.map((text) => readRef(text, where)).filter((rule) => rule !== undefined);
});

const written = record<Required<Refs>>(
  {
    refs: { shape: refs, description: 'Branches, tags, patterns and keywords.', example: ['main', '/^release-/'] },
    variables: {
      shape: list(shape(readCondition, TEXT), limits.refsPerJob, 'conditions'),
      description: 'Conditions on variables, of which one must hold.',
      example: ['$DEPLOY == "yes"'],
    },
    changes: { shape: changedPaths, description: 'Files of which one must have changed.', example: ['src/**/*'] },
  },
  { refused: { kubernetes: 'whether there is a cluster is not known here' } },
);

/** `only:` or `except:` as a list, one text, or `{refs, variables, changes}`. */
export const refsOfJob: Shape<Refs> = orMap<Refs>(
  mapped(refs, (read) => ({ refs: read })),
  mapped(written, (read, node, where) => {
    if (Object.keys(read).length > 0) return read;
    // What could not be read was told, and asks for nothing.
    if (node.kind !== 'map' || Object.keys(written.fields).some((key) => node.entries.has(key))) return undefined;
    if (Object.keys(written.refused).some((key) => node.entries.has(key))) return undefined;
    const hint = 'Write `refs:` with a list of branches, tags or patterns.';
    where.report.error('wrong-type', node.at, `${where.label} has no \`refs\`.`, hint);
    return undefined;
  }),
);
