import { limits } from './limits.ts';
import { nameOf, type Entry } from './node.ts';
import { inside, readTexts, type Where } from './read.ts';

const standard = ['build', 'test', 'deploy'];
/** There without being listed: before all others, and behind them (as in GitLab). */
const [FIRST, LAST] = ['.pre', '.post'];

/** Whether a stage is one of those that run only beside others. */
export const isEdge = (stage: string): boolean => stage === FIRST || stage === LAST;

/** The listed stages with those at the edges in which something runs. */
export const withEdges = (listed: readonly string[], used: ReadonlySet<string>): string[] => [
  ...(used.has(FIRST) ? [FIRST] : []),
  ...listed,
  ...(used.has(LAST) ? [LAST] : []),
];

/** `stages:` in order; `build`, `test`, `deploy` when the file lists none (seed S0-05). */
export const readStages = (entry: Entry | undefined, file: Where): string[] => {
  const where = inside(file, 'stages');
  const texts = entry && readTexts(entry.value, where);
  if (!texts || texts.length === 0) return standard;
  const stages = new Set<string>();
  for (const { value, at } of texts) {
    const shown = nameOf({ kind: 'scalar', at, text: value, plain: false });
    const usable = value !== '' && value.length <= limits.nameLength && !/[\p{Cc}\p{Cf}]/u.test(value);
    if (!usable)
      where.report.error('invalid-value', at, `${where.label} has ${shown}, which cannot be the name of a stage.`);
    else if (stages.has(value))
      where.report.error('invalid-value', at, `${where.label} lists ${shown} twice.`, 'Keep one of them.');
    else if (!isEdge(value)) stages.add(value);
  }
  return [...stages];
};
