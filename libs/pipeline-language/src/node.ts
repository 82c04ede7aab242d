import { beginning } from '@foldline/contracts';

/** 1-based place in the definition; `file` where that is one that it includes. */
export type Position = { line: number; column: number; file?: string };

/** `text` is what the file says (`3.10` stays `3.10`); a keyword decides what it means. */
export type ScalarNode = {
  kind: 'scalar';
  at: Position;
  text: string;
  /** Written without quotes, so it may be a number, a boolean or nothing. */
  plain: boolean;
  /** Stands for a reference that leads nowhere, or an input without a value, which was reported: nobody complains of it again. */
  isUnresolved?: true;
  /** Source lines of an unquoted scalar that spans several, which YAML folds into one. */
  lines?: string[];
};
export type ListNode = {
  kind: 'list';
  at: Position;
  items: Node[];
  /** Written `!reference [job, keyword]`: what stands there is meant. Readers see none of these. */
  isReference?: true;
};
/** A `Map`, because keys are the author's words: no prototype to reach, and the order of the file is kept. */
export type MapNode = { kind: 'map'; at: Position; entries: ReadonlyMap<string, Entry> };
export type Entry = { key: string; at: Position; value: Node };
export type Node = ScalarNode | ListNode | MapNode;

const nothing = new Set(['', '~', 'null', 'Null', 'NULL']);

/** True for `key:` with nothing after it, `~` and `null`. */
export const isNothing = (node: Node): boolean => node.kind === 'scalar' && node.plain && nothing.has(node.text);

export const isUnresolved = (node: Node): boolean => node.kind === 'scalar' && node.isUnresolved === true;

/** In the place of what was reported. */
export const unresolved = (at: Position): ScalarNode => ({
  kind: 'scalar',
  at,
  text: '',
  plain: true,
  isUnresolved: true,
});

/** What a person would call this node in "… must be a list, but it is …". */
export const nameOf = (node: Node): string => {
  if (isNothing(node)) return 'empty';
  if (node.kind === 'scalar') return `\`${shorten(node.text)}\``;
  return node.kind === 'list' ? 'a list' : 'a map';
};

/** What a terminal would take for a command, and halves of characters, which are no text. */
const unshowable = /\p{Cc}|\p{Surrogate}/u;

/** What a terminal may be given. */
export const showable = (text: string): string => (unshowable.test(text) ? cleaned(text) : text);

/** Quoted in messages; control characters and long texts must not reach a terminal as they are. */
export const shorten = (text: string): string => {
  const clean = showable(text);
  return clean.length > 60 ? `${beginning(clean, 57)}…` : clean;
};

const cleaned = (text: string): string => text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll(/\p{Surrogate}/gu, '\ufffd');
