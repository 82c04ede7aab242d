import type { ArtifactSpec } from '@foldline/contracts';
import { isNothing, type Entry, type Node } from '../node.ts';
import { inside, readChoice, readFields, readMap, readText, type Where } from '../read.ts';
import { readPatterns } from './paths.ts';
import { present } from './runner.ts';
import { readDuration } from './timing.ts';

const shape = {
  known: ['name', 'paths', 'exclude', 'expire_in', 'when', 'reports'],
  later: ['untracked', 'expose_as', 'public', 'access'],
};
export const outcomes = ['on_success', 'on_failure', 'always'] as const;

/** `artifacts:` of a job (seed S0-30 … S0-35). */
export const readArtifacts = (node: Node, where: Where): ArtifactSpec | undefined => {
  const fields = readFields(node, where, shape);
  if (!fields) return undefined;
  const read = <T>(key: string, reader: (node: Node, where: Where) => T | undefined): T | undefined => {
    const entry: Entry | undefined = fields.get(key);
    return entry && reader(entry.value, inside(where, key));
  };
  return {
    ...present('name', read('name', readText)),
    paths: read('paths', readPatterns) ?? [],
    exclude: read('exclude', readPatterns) ?? [],
    ...readExpiry(fields.get('expire_in'), inside(where, 'expire_in')),
    when: read('when', (value, at) => readChoice(value, at, outcomes)) ?? 'on_success',
    reports: read('reports', readReports) ?? [],
  };
};

/** `never` keeps the artifacts; without `expire_in` the project's retention decides. */
const readExpiry = (entry: Entry | undefined, where: Where): Pick<ArtifactSpec, 'expireInSeconds' | 'neverExpires'> => {
  if (!entry) return {};
  if (entry.value.kind === 'scalar' && entry.value.text === 'never') return { neverExpires: true };
  return present('expireInSeconds', readDuration(entry.value, where));
};

/** A list of paths as in the seed, or GitLab's map of report types (C16); what a report is, its content tells. */
const readReports = (node: Node, where: Where): string[] | undefined => {
  if (node.kind !== 'map') return readPatterns(node, where);
  return [...readMap(node, where)!.values()].flatMap(({ key, value }) => {
    if (value.kind !== 'map') return isNothing(value) ? [] : (readPatterns(value, inside(where, key)) ?? []);
    const path = readFields(value, inside(where, key), { known: ['coverage_format', 'path'] })?.get('path');
    return path ? (readPatterns(path.value, inside(where, key)) ?? []) : [];
  });
};
