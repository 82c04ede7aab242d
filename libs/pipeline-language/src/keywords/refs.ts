import type { Node } from '../node.ts';
import { limits } from '../limits.ts';
import { readPattern } from '../pattern.ts';
import { inside, invalid, readFields, readTexts, type Located, type Where } from '../read.ts';

export const refKeywords = ['branches', 'tags', 'pushes', 'api', 'web', 'schedules'] as const;
export type RefKeyword = (typeof refKeywords)[number];

/** One item of `only` or `except`. `text` is the author's spelling. */
export type RefRule =
  | { kind: 'name'; text: string }
  | { kind: 'keyword'; text: RefKeyword }
  | { kind: 'pattern'; text: string; source: string };

/** Keywords of GitLab that would otherwise be taken for branch names and match nothing, in silence. */
const later = new Set([
  'merge_requests',
  'triggers',
  'pipelines',
  'external',
  'external_pull_requests',
  'chat',
  'ondemand_dast_scan',
  'ondemand_dast_validation',
]);

const isKeyword = (text: string): text is RefKeyword => refKeywords.some((keyword) => keyword === text);

/** `only:` or `except:` as a list, one text, or `{refs: […]}`. */
export const readRefRules = (node: Node, where: Where): RefRule[] | undefined => {
  if (node.kind !== 'map') return readRules(node, where);
  const fields = readFields(node, where, { known: ['refs'], later: ['variables', 'changes', 'kubernetes'] });
  const refs = fields?.get('refs');
  if (refs) return readRules(refs.value, inside(where, 'refs'));
  const hint = 'Write `refs:` with a list of branches, tags or patterns.';
  where.report.error('wrong-type', node.at, `${where.label} has no \`refs\`.`, hint);
  return undefined;
};

const readRules = (node: Node, where: Where): RefRule[] | undefined => {
  const texts = readTexts(node, where);
  if (texts?.length === 0) {
    where.report.error(
      'wrong-type',
      node.at,
      `${where.label} names no ref.`,
      'Name a branch, a tag or a keyword, or remove it.',
    );
    return undefined;
  }
  if (texts && texts.length > limits.refsPerJob)
    return invalid(node, where, `may name at most ${limits.refsPerJob} refs`);
  return texts?.map((text) => readRule(text, where)).filter((rule) => rule !== undefined);
};

const readRule = ({ value, at }: Located<string>, where: Where): RefRule | undefined => {
  if (isKeyword(value)) return { kind: 'keyword', text: value };
  if (later.has(value)) {
    const message = `${where.label} has the keyword \`${value}\`, which is not supported yet.`;
    where.report.error(
      'unsupported-keyword',
      at,
      message,
      `Known: ${refKeywords.map((name) => `\`${name}\``).join(', ')}.`,
    );
    return undefined;
  }
  if (!value.startsWith('/')) return { kind: 'name', text: value };
  const source = readPattern(value, at, where);
  return source === undefined ? undefined : { kind: 'pattern', text: value, source };
};
