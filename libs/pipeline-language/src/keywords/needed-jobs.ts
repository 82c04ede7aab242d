import { limits } from '../limits.ts';
import type { Node, Position } from '../node.ts';
import {
  inside,
  invalid,
  readBoolean,
  readFields,
  readList,
  readText,
  readTexts,
  type Located,
  type Where,
} from '../read.ts';

/** One entry of `needs`, before it is known which copies the job has. */
export type NeedEntry = { job: string; artifacts: boolean; optional: boolean; at: Position };

/** `needs: [build, {job: test, artifacts: false, optional: true}]`; `[]` starts the job at once. */
export const readNeeds = (node: Node, where: Where): NeedEntry[] | undefined => {
  const items = node.kind === 'scalar' ? [node] : readList(node, where);
  if (items && items.length > limits.needsPerJob) return tooMany(node, where);
  return items?.map((item) => readNeed(item, where)).filter((need) => need !== undefined);
};

const readNeed = (node: Node, where: Where): NeedEntry | undefined => {
  if (node.kind !== 'map') {
    const job = readText(node, where);
    return job === undefined ? undefined : { job, artifacts: true, optional: false, at: node.at };
  }
  const shape = { known: ['job', 'artifacts', 'optional'], later: ['parallel', 'pipeline', 'project', 'ref'] };
  const fields = readFields(node, where, shape);
  const name = fields?.get('job');
  if (!name) return invalid(node, where, 'needs the name of a `job`');
  const job = readText(name.value, inside(where, 'job'));
  const flag = (key: string, standard: boolean): boolean => {
    const entry = fields?.get(key);
    return (entry && readBoolean(entry.value, inside(where, key))) ?? standard;
  };
  const rest = { artifacts: flag('artifacts', true), optional: flag('optional', false) };
  return job === undefined ? undefined : { job, ...rest, at: name.value.at };
};

/** `dependencies:` names jobs whose artifacts are fetched; `[]` fetches none (seed S0-21). */
export const readDependencies = (node: Node, where: Where): Located<string>[] | undefined => {
  const names = readTexts(node, where);
  return names && names.length > limits.needsPerJob ? tooMany(node, where) : names;
};

const tooMany = (node: Node, where: Where): undefined => {
  where.report.error('too-many-needs', node.at, `${where.label} names more than ${limits.needsPerJob} jobs.`);
};
