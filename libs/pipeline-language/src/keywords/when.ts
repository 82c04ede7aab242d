import type { When } from '@foldline/contracts';
import type { Node } from '../node.ts';
import { readChoice, type Where } from '../read.ts';

/** In a rule a job may also be left out. */
export type RuleWhen = When | 'never';

const ofJobs: readonly When[] = ['on_success', 'on_failure', 'always', 'manual'];

export const readWhen = (node: Node, where: Where): When | undefined => readOneOf(node, where, ofJobs);

export const readRuleWhen = (node: Node, where: Where): RuleWhen | undefined =>
  readOneOf<RuleWhen>(node, where, [...ofJobs, 'never']);

const readOneOf = <Choice extends string>(node: Node, where: Where, choices: readonly Choice[]): Choice | undefined => {
  if (node.kind !== 'scalar' || node.text !== 'delayed') return readChoice(node, where, choices);
  const message = `${where.label} is \`delayed\`, which is not supported yet.`;
  where.report.error('unsupported-keyword', node.at, message, 'Use `manual`, or wait inside the script.');
  return undefined;
};
