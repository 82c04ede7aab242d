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
  const add = ({ key, at }: Entry): void => {
    const places = declared.get(key) ?? new Map<string, Position>();
    declared.set(key, places.set(`${at.file ?? ''}:${at.line}:${at.column}`, at));
  };
  // What several jobs share is one node.
  const seen = new Set<Node>();
  const pending: Node[] = [root];
  for (let node = pending.pop(); node; node = pending.pop()) {
    if (node.kind === 'scalar' || seen.has(node)) continue;
    seen.add(node);
    if (node.kind === 'list') pending.push(...node.items);
    else
      for (const { key, value } of node.entries.values()) {
        if (key !== 'variables') pending.push(value);
        else if (value.kind === 'map') for (const variable of value.entries.values()) add(variable);
      }
  }
  return declared;
};

const wordsOf = (text: string): string[] => text.match(/[A-Za-z_]\w*/g) ?? [];

/** Each behind a space. */
const wordsOfPrograms = (definition: Definition, scripts: readonly Script[], declared: Declared): string => {
  const texts = new Set(scripts.flatMap(({ commands }) => commands.map(({ value }) => value)));
  for (const { image, services = [] } of definition.jobs.map(({ settings }) => settings))
    for (const text of [image ?? '', ...services]) texts.add(text);
  const words = new Set([...texts].flatMap(wordsOf).filter((word) => !declared.has(word)));
  return ` ${[...words].join(' ').replaceAll('_', ' ').toLowerCase()}`;
};

const firstWordOf = (name: string): string => (/[^_]+/.exec(name)?.[0] ?? name).toLowerCase();
