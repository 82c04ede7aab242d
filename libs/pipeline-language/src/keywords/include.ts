import { pathProblem } from '@foldline/contracts';
import { shorten, type Node } from '../node.ts';
import { inside, readFields, readText, type Located, type Where } from '../read.ts';

const LATER = ['project', 'file', 'ref', 'remote', 'template', 'component', 'inputs', 'integrity', 'rules', 'cache'];

/** `include:` as paths from the root of the repository, which may be patterns. */
export const readIncludes = (node: Node, where: Where): Located<string>[] =>
  (node.kind === 'list' ? node.items : [node])
    .map((item) => readInclude(item, where))
    .filter((path) => path !== undefined);

const readInclude = (node: Node, where: Where): Located<string> | undefined => {
  if (node.kind !== 'map') return readPath(node, where);
  const local = readFields(node, where, { known: ['local'], later: LATER })?.get('local');
  if (local) return readPath(local.value, inside(where, 'local'));
  if (LATER.some((key) => node.entries.has(key))) return undefined;
  const message = `${where.label} has an entry without \`local\`.`;
  where.report.error('invalid-value', node.at, message, 'Write `local:` and the path of a file of this repository.');
  return undefined;
};

const readPath = (node: Node, where: Where): Located<string> | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  const refuse = (code: 'unsupported-keyword' | 'unsafe-path', why: string, hint: string): undefined => {
    where.report.error(code, node.at, `${where.label} names \`${shorten(text)}\`, ${why}.`, hint);
  };
  if (/^https?:/i.test(text))
    return refuse(
      'unsupported-keyword',
      'an address; files of elsewhere are not included yet',
      'Copy the file into the repository.',
    );
  if (text.includes('$'))
    return refuse('unsupported-keyword', 'in which variables are not filled in yet', 'Write the path as it is.');
  const path = text.replace(/^\/+/, '');
  if (pathProblem(path) !== undefined || !/\.ya?ml$/.test(path))
    return refuse(
      'unsafe-path',
      'which is no path of a YAML file in this repository',
      'Write a path such as `ci/build.yml`.',
    );
  return { value: path, at: node.at };
};
