import { dialectOf } from '../dialect.ts';
import { unfoldShell } from '../folded-shell.ts';
import { TEXT, anyOf, listOf } from '../grammar/json-schema.ts';
import { shape, type Shape } from '../grammar/shape.ts';
import { isNothing, isUnresolved, nameOf, type Node, type ScalarNode } from '../node.ts';
import { mapHint, type Located, type Where } from '../read.ts';

/** Commands of `script`, `before_script` or `after_script`: a text, or a list whose nested lists are flattened. */
const readScript = (node: Node, where: Where): Located<string>[] | undefined => {
  if (isUnresolved(node)) return undefined;
  if (isNothing(node)) return [];
  if (node.kind === 'map') return refuse(node, where);
  const commands: Located<string>[] = [];
  let usable = true;
  const pending: Node[] = [node];
  while (pending.length > 0) {
    const next = pending.pop()!;
    if (next.kind === 'list') pending.push(...next.items.toReversed());
    else if (next.kind === 'map' || isNothing(next)) usable = refuse(next, where) ?? false;
    else commands.push({ value: commandOf(next, where), at: next.at });
  }
  return usable ? commands : undefined;
};

const refuse = (node: Node, where: Where): undefined => {
  if (isUnresolved(node)) return undefined;
  const message = `${where.label} must be commands, but one is ${nameOf(node)}.`;
  where.report.error('wrong-type', node.at, message, node.kind === 'map' ? mapHint(node) : 'Remove the empty item.');
};

const commandOf = (node: ScalarNode, where: Where): string => {
  const command = (node.lines && unfoldShell(node.lines)) ?? node.text;
  if (command !== node.text) {
    const message = `${where.label}: YAML joins these lines into one, which is not valid shell; the line breaks were put back.`;
    where.report.warn(
      'folded-shell',
      node.at,
      message,
      'Begin the command with `- |` and a new line, or end each line with `;`.',
    );
  }
  if (
    dialectOf(where.report.file) === 'codara' &&
    /--shard[= ]["']?\$(?:CI_NODE_INDEX|\{CI_NODE_INDEX\})["']?\//.test(command)
  ) {
    const message = `${where.label}: CI_NODE_INDEX counts from 0, but test runners count shards from 1, so one shard never runs.`;
    where.report.warn('shard-index-zero', node.at, message, 'Use `--shard=${CI_NODE_NUMBER}/${CI_NODE_TOTAL}`.');
  }
  return command;
};

/** Lists in lists, as aliases and references make them. */
const nested = listOf(anyOf(TEXT, listOf(anyOf(TEXT, listOf(TEXT)))));

export const commands: Shape<Located<string>[]> = shape(readScript, anyOf(TEXT, nested));
