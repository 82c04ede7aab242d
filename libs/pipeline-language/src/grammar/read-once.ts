import type { Node } from '../node.ts';
import type { Where } from '../read.ts';
import type { Shape } from './shape.ts';

type Readings = WeakMap<Node, unknown>;
const readings = new WeakMap<Shape<unknown>, Readings>();

/**
 * Reads a place of a file once: lint and plan ask for the same, and so do all jobs that share a template. What is read is
 * everybody's, and nobody's to change. Where anything was told it is read again, for everybody is to be told.
 */
export const readOnce = <Value>(shape: Shape<Value>, node: Node, where: Where): Value | undefined => {
  if (node.kind === 'scalar') return shape.read(node, where);
  const known = readingsOf(shape);
  if (known.has(node)) return known.get(node) as Value;
  const { told } = where.report;
  const marks = where.marks.length;
  const value = shape.read(node, where);
  if (where.report.told === told && where.marks.length === marks) known.set(node, value);
  return value;
};

const readingsOf = (shape: Shape<unknown>): Readings => {
  const known = readings.get(shape) ?? new WeakMap();
  readings.set(shape, known);
  return known;
};
