import { record } from '../grammar/record.ts';
import { list, mapped, orMap, texts, type Shape } from '../grammar/shape.ts';
import { shape } from '../grammar/shape.ts';
import { TEXT } from '../grammar/json-schema.ts';
import { limits } from '../limits.ts';
import { readPattern } from '../pattern.ts';
import { invalid, type Located, type Where } from '../read.ts';
import { changedPaths } from './files-of-rules.ts';
import { readCondition, type Condition } from './rules.ts';

export const refKeywords = ['branches', 'tags', 'pushes', 'api', 'web', 'schedules', 'merge_requests'] as const;
export type RefKeyword = (typeof refKeywords)[number];

/** One item of `only` or `except`. `text` is the author's spelling. */
export type RefRule =
  | { kind: 'name'; text: string }
  | { kind: 'keyword'; text: RefKeyword }
  | { kind: 'never'; text: string }
  | { kind: 'pattern'; text: string; source: string };

/** What `only` asks for: all of it. Of what `except` names, one is enough. */
export type Refs = { refs?: RefRule[]; variables?: Condition[]; changes?: Located<string>[] };

/** Keywords of GitLab for what asks for no pipeline here; without this they would be taken for branches, in silence. */
const neverAsk: readonly string[] = [
  'triggers',
  'pipelines',
  'external',
  'external_pull_requests',
  'chat',
  'ondemand_dast_scan',
  'ondemand_dast_validation',
];

const isKeyword = (text: string): text is RefKeyword => refKeywords.some((keyword) => keyword === text);

const readRef = ({ value, at }: Located<string>, where: Where): RefRule | undefined => {
  if (isKeyword(value)) return { kind: 'keyword', text: value };
  if (neverAsk.includes(value)) {
    const message = `${where.label} has the keyword \`${value}\`, for what never asks for a pipeline here.`;
    where.report.warnOnce('ref-never-matches', at, message);
    return { kind: 'never', text: value };
  }
  if (!value.startsWith('/')) return { kind: 'name', text: value };
  const source = readPattern(value, at, where);
  return source === undefined ? undefined : { kind: 'pattern', text: value, source };
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
    if (node.kind !== 'map' || Object.keys(written.fields).some((key) => node.entries.has(key))) return read;
    if (Object.keys(written.refused).some((key) => node.entries.has(key))) return undefined;
    const hint = 'Write `refs:` with a list of branches, tags or patterns.';
    where.report.error('wrong-type', node.at, `${where.label} has no \`refs\`.`, hint);
    return undefined;
  }),
);
