import { limits } from '../limits.ts';
import { nameOf, type Node } from '../node.ts';
import { readTexts, type Located, type Where } from '../read.ts';

/** Globs relative to the workspace. What would leave the workspace is refused here and again by the runner. */
export const readPaths = (node: Node, where: Where): string[] | undefined =>
  readTexts(node, where)
    ?.filter((path) => isInside(path, where))
    .map(({ value }) => value);

const isInside = ({ value, at }: Located<string>, where: Where): boolean => {
  const path = value.replaceAll('\\', '/').replace(/^!/, '');
  const leaves = /^(\/|~|[A-Za-z]:\/)/.test(path) || path.split('/').includes('..');
  if (path !== '' && !leaves && value.length <= limits.pathLength) return true;
  const shown = nameOf({ kind: 'scalar', at, text: value, plain: false });
  const message = `${where.label} has the path ${shown}, which is not inside the workspace.`;
  where.report.error('unsafe-path', at, message, 'Write a path relative to the workspace, without `..`.');
  return false;
};
