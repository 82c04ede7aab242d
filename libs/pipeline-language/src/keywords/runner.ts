import type { ClusterPower, RunnerRequirements } from '@foldline/contracts';
import { limits } from '../limits.ts';
import type { Node } from '../node.ts';
import { inside, invalid, readChoice, readFields, readList, readNumber, readText, type Where } from '../read.ts';
import { parseSize } from '../size.ts';

export const readCluster = (node: Node, where: Where): ClusterPower | undefined =>
  readChoice<ClusterPower>(node, where, ['high-power', 'low-power']);

/** `resources: {cpu, memory, disk}`, each optional (seed S0-14). */
export const readResources = (node: Node, where: Where): Omit<RunnerRequirements, 'cluster'> | undefined => {
  const fields = readFields(node, where, { known: ['cpu', 'memory', 'disk'] });
  if (!fields) return undefined;
  const cpu = fields.get('cpu');
  const memory = fields.get('memory');
  const disk = fields.get('disk');
  return {
    ...present('cpu', cpu && readNumber(cpu.value, inside(where, 'cpu'), 0.01, 1024)),
    ...present('memoryBytes', memory && readSize(memory.value, inside(where, 'memory'))),
    ...present('diskBytes', disk && readSize(disk.value, inside(where, 'disk'))),
  };
};

/** An object with the field, or without it when there is no value: plans hold no empty fields. */
export const present = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });

const readSize = (node: Node, where: Where): number | undefined => {
  const text = readText(node, where);
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  where.report.error(
    'invalid-size',
    node.at,
    `${where.label} is not a size: \`${text.slice(0, 60)}\`.`,
    'Write for example `512MB` or `8GB`.',
  );
  return undefined;
};

/** `image: name` or `image: {name}`. */
export const readImage = (node: Node, where: Where): string | undefined => {
  if (node.kind !== 'map') return readImageName(node, where);
  const later = ['entrypoint', 'docker', 'pull_policy', 'alias', 'command', 'variables', 'kubernetes'];
  const name = readFields(node, where, { known: ['name'], later })?.get('name');
  return name ? readImageName(name.value, inside(where, 'name')) : invalid(node, where, 'needs a `name`');
};

const readImageName = (node: Node, where: Where): string | undefined => {
  const name = readText(node, where);
  if (name === undefined) return undefined;
  const usable = /^[A-Za-z0-9$][\w.$:/@{}-]*$/.test(name) && name.length <= limits.nameLength;
  return usable ? name : invalid(node, where, 'must be the name of an image');
};

export const readServices = (node: Node, where: Where): string[] | undefined => {
  const items = readList(node, where);
  if (items && items.length > limits.services)
    return invalid(node, where, `may have at most ${limits.services} entries`);
  return items?.map((item) => readImage(item, where)).filter((name) => name !== undefined);
};
