import type { Node } from '../node.ts';
import { inside, readFields, type Where } from '../read.ts';
import { readWorkflowRules, type Rule } from './rules.ts';

/** What decides about the pipeline as a whole. */
export type Workflow = { rules?: Rule[] };

export const readWorkflow = (node: Node, where: Where): Workflow | undefined => {
  const fields = readFields(node, where, { known: ['rules'], later: ['name', 'auto_cancel'] });
  const rules = fields?.get('rules');
  if (!rules) return {};
  const read = readWorkflowRules(rules.value, inside(where, 'rules'));
  return read && { rules: read };
};
