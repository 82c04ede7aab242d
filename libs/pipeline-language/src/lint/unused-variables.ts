import { serviceOf, type PlannedService } from '@foldline/contracts';
import type { Definition } from '../definition.ts';
import { shorten, type Entry, type MapNode, type Node, type Position } from '../node.ts';
import type { Report } from '../report.ts';
import type { Script } from './scripts.ts';

type Files = { root: MapNode; definition: Definition; scripts: readonly Script[] };

/**
 * Tells variables that stand nowhere in the files but where they are set. Programs read their environment, so of those
 * whose first word begins a word of a command, an image or a service nothing is said: the variable may be for that. Nor
 * of any where another pipeline is started, which may get them all.
 */
export const checkUnused = ({ root, definition, scripts }: Files, report: Report): void => {
  if (definition.jobs.some(({ keywords }) => keywords.has('trigger'))) return;
  const declared = declaredIn(root);
  if (declared.size === 0) return;
  const written = new Map<string, number>();
  for (const text of report.texts) for (const word of wordsOf(text)) written.set(word, (written.get(word) ?? 0) + 1);
  const programs = wordsOfPrograms(definition, scripts, declared);
  for (const [name, places] of declared) {
    if (written.get(name) !== places.size || programs.includes(` ${firstWordOf(name)}`)) continue;
    const [place] = places.values();
    report.info(
      'unused-variable',
      place!,
      `The variable \`${shorten(name)}\` is set, and no text of these files names it.`,
    );
  }
};

/** Where each variable is set, by its name. */
type Declared = Map<string, Map<string, Position>>;

const declaredIn = (root: MapNode): Declared => {
  const declared: Declared = new Map();
  // What several jobs share is one node.
  for (const { key, at } of new Set(variablesWithin(root))) {
    const places = declared.get(key) ?? new Map<string, Position>();
    declared.set(key, places.set(`${at.file ?? ''}:${at.line}:${at.column}`, at));
  }
  return declared;
};

/** The same maps come again, in each lint of a file and in jobs that share a template. */
const found = new WeakMap<MapNode, readonly Entry[]>();

const variablesWithin = (node: Node): readonly Entry[] => {
  if (node.kind === 'scalar') return NONE;
  if (node.kind === 'list') return node.items.flatMap(variablesWithin);
  const known = found.get(node) ?? [...node.entries.values()].flatMap(variablesOfEntry);
  found.set(node, known);
  return known;
};

const variablesOfEntry = ({ key, value }: Entry): readonly Entry[] => {
  if (key !== 'variables') return variablesWithin(value);
  return value.kind === 'map' ? [...value.entries.values()] : NONE;
};

const NONE: readonly Entry[] = [];

const wordsOf = (text: string): string[] => text.match(/[A-Za-z_]\w*/g) ?? [];

const textsOfService = ({ image, command = [], variables = {} }: PlannedService): string[] => [
  image,
  ...command,
  ...Object.values(variables),
];

/** Each behind a space. */
const wordsOfPrograms = (definition: Definition, scripts: readonly Script[], declared: Declared): string => {
  const texts = new Set(scripts.flatMap(({ commands }) => commands.map(({ value }) => value)));
  for (const { image, services = [] } of definition.jobs.map(({ settings }) => settings))
    for (const text of [image?.name ?? '', ...services.flatMap((each) => textsOfService(serviceOf(each)))])
      texts.add(text);
  const words = new Set([...texts].flatMap(wordsOf).filter((word) => !declared.has(word)));
  return ` ${[...words].join(' ').replaceAll('_', ' ').toLowerCase()}`;
};

const firstWordOf = (name: string): string => (/[^_]+/.exec(name)?.[0] ?? name).toLowerCase();
