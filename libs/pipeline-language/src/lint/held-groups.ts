import type { Definition, JobDefinition } from '../definition.ts';
import { shorten } from '../node.ts';
import type { Report } from '../report.ts';

/** A resource group that a job above keeps until the pipeline has ended, and that job. */
export type HeldGroup = { group: string; by: string };

/** What waits for the end of a pipeline keeps its own group meanwhile, and so do those that wait for that in turn. */
export const heldBelow = ({ name, settings }: JobDefinition, above: readonly HeldGroup[]): HeldGroup[] => {
  const { trigger, resource_group: group } = settings;
  if (!trigger?.strategy) return [];
  const isNew = group !== undefined && isKnown(group) && !above.some((held) => held.group === group);
  return isNew ? [...above, { group, by: name }] : [...above];
};

/** Tells jobs that wait for a group which is given back only when they have ended. */
export const checkHeldGroups = ({ jobs }: Definition, above: readonly HeldGroup[], report: Report): void => {
  for (const { name, at, settings, keywords } of jobs) {
    const held = above.find(({ group }) => group === settings.resource_group);
    if (!held) continue;
    const message = `Job \`${shorten(name)}\` waits for the resource group \`${shorten(held.group)}\`, which \`${shorten(held.by)}\` keeps until this pipeline has ended: neither goes on.`;
    report.warn('resource-group-held', keywords.get('resource_group')?.value.at ?? at, message);
  }
};

const isKnown = (group: string): boolean => !group.includes('$');
