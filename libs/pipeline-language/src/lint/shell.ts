import { forEachChild, parse, type SyntaxNode } from 'unbash';
import { limits } from '../limits.ts';

export type ShellNode = SyntaxNode;
export type ShellMistake = { offset: number; message: string };
/** A text as bash reads it; `offset` is where in the text a part of it begins. */
export type ShellText = { mistakes: readonly ShellMistake[]; parts: readonly ShellPart[] };
export type ShellPart = { node: ShellNode; around: ShellPart | undefined; offset: number };

/** The parser reads nested parts once for each level around them, and goes no deeper. */
const DEEPEST = 256;
const NESTING = /[$<>]\(|\$[{[]|`|\(\(/g;
/** For each, everything behind it is searched, which is far cheaper than reading it. */
const HEREDOC = /<</g;
const HEREDOC_COST = 1 / 128;
/** What it says of a text that is nested deeper: no mistake of the author. */
const TOO_DEEP = /^maximum .* exceeded$/;

/**
 * Reads shell texts, each once, up to a limit for all of them together. The parser works in proportion to the length of
 * ordinary scripts; a hostile one can make it look at every character hundreds of times, which is foreseen here and
 * counted before it begins.
 */
export class ShellReader {
  readonly #read = new Map<string, ShellText | undefined>();
  #left: number = limits.shellWork;

  /** Nothing for what would be too much work, or is nested too deeply. */
  read(text: string): ShellText | undefined {
    if (this.#read.has(text)) return this.#read.get(text);
    this.#left -= workOf(text);
    const result = this.#left < 0 ? undefined : readShell(text);
    this.#read.set(text, result);
    return result;
  }
}

const countOf = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

const workOf = (text: string): number =>
  text.length * (1 + Math.min(DEEPEST, countOf(text, NESTING)) + countOf(text, HEREDOC) * HEREDOC_COST);

const readShell = (text: string): ShellText | undefined => {
  try {
    const { parts, mistakes } = partsOf(text);
    if (mistakes.some(({ message }) => TOO_DEEP.test(message))) return undefined;
    return { parts, mistakes: mistakes.toSorted((a, b) => a.offset - b.offset) };
  } catch (error) {
    // The parser calls itself for what is nested; the stack ends before its own limit.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
};

/** Every part, what is outside before what is inside. */
const partsOf = (text: string): { parts: ShellPart[]; mistakes: ShellMistake[] } => {
  const parts: ShellPart[] = [];
  const mistakes: ShellMistake[] = [];
  const visit = (node: SyntaxNode, around: ShellPart | undefined, place: number | undefined): void => {
    const offset = place ?? node.pos;
    const part = { node, around, offset };
    parts.push(part);
    if (node.type === 'Script')
      for (const { message, pos } of node.errors ?? []) mistakes.push({ message, offset: place ?? pos });
    forEachChild(node, (child) => visit(child, part, isDecoded(child) ? offset : place));
  };
  visit(parse(text), undefined, undefined);
  return { parts, mistakes };
};

/** Between backticks with backslashes, places are those of a text without the backslashes. */
const isDecoded = (node: SyntaxNode): boolean => node.type === 'Script' && node.source !== undefined;
