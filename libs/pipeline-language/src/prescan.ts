import { limits } from './limits.ts';
import type { Position } from './node.ts';
import type { Report } from './report.ts';
import { tolerateUnquotedCoverage, type Tolerated } from './tolerate.ts';
import { lexemesOf, tokensOf, type Token } from './tokens.ts';

/** What may be parsed; `lexemes` are those of `text`, for whoever parses it. */
export type Admitted = Tolerated & { lexemes: readonly string[] };

const top: Position = { line: 1, column: 1 };

/**
 * Looks at a file in one flat pass before any parser does. Deep nesting can bring down the whole process inside the
 * parser, beyond any `catch`, so it must be refused here. Answers the text to parse, or nothing after reporting why not.
 */
export const prescan = (text: string, report: Report): Admitted | undefined => {
  // A character is at most three bytes here, so most files need no exact count.
  const bytes = text.length * 3 > limits.fileBytes ? Buffer.byteLength(text) : text.length;
  if (bytes > limits.fileBytes) {
    report.error('file-too-large', top, `The file has ${bytes} bytes; at most ${limits.fileBytes} are allowed.`);
    return undefined;
  }
  const strange = forbiddenCharacter.exec(text);
  if (strange) {
    const code = strange[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
    report.error(
      'binary-content',
      positionAt(text, strange.index),
      `The file holds the character U+${code}, which is not text.`,
    );
    return undefined;
  }
  const tolerated = tolerateUnquotedCoverage(text, report);
  const lexemes: string[] = [];
  return measure(tolerated.text, lexemes, report) ? { ...tolerated, lexemes } : undefined;
};

// YAML allows no control characters but tab and line breaks; U+FFFD is what broken UTF-8 is decoded to.
// oxlint-disable-next-line no-control-regex -- finding control characters is the purpose
const forbiddenCharacter = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]|\p{Surrogate}/u;

const positionAt = (text: string, offset: number): Position => {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
};

/** Stops at the first thing that is too much, so `taken` has no more than what was looked at. */
const measure = (text: string, taken: string[], report: Report): boolean => {
  const depth = new Depth();
  let tokens = 0;
  for (const token of tokensOf(kept(lexemesOf(text), taken))) {
    depth.take(token);
    if (depth.value > limits.depth) {
      const message = `The file is nested more than ${limits.depth} levels deep.`;
      report.error('too-deep', positionAt(text, token.offset), message);
      return false;
    }
    if (++tokens > limits.tokens) {
      report.error('too-many-keys', positionAt(text, token.offset), `The file has more than ${limits.tokens} parts.`);
      return false;
    }
  }
  return true;
};

const kept = function* (lexemes: Iterable<string>, taken: string[]): Generator<string> {
  for (const lexeme of lexemes) {
    taken.push(lexeme);
    yield lexeme;
  }
};

const openers = new Set<Token['type']>(['flow-seq-start', 'flow-map-start']);
const closers = new Set<Token['type']>(['flow-seq-end', 'flow-map-end']);
const indicators = new Set<Token['type']>(['seq-item-ind', 'explicit-key-ind', 'map-value-ind']);

/**
 * Never less than half of the parser's own nesting: every block level begins at a greater column than the one around it
 * (only a list may stand at the column of its key), and in brackets each `-`, `?` and `:` since the last comma may nest.
 */
class Depth {
  #columns: number[] = [];
  /** Indicators since the last comma, for each open bracket. */
  #flows: number[] = [];
  #inFlows = 0;
  #lineStart = 0;

  get value(): number {
    return this.#columns.length + this.#flows.length + this.#inFlows;
  }

  take({ type, offset, source }: Token): void {
    if (this.#flows.length === 0) this.#takeBlock(type, offset);
    if (openers.has(type)) this.#flows.push(0);
    else if (closers.has(type)) this.#inFlows -= this.#flows.pop() ?? 0;
    else if (type === 'flow-error-end') this.#leaveFlows();
    else if (this.#flows.length > 0) this.#takeFlow(type);
    const newline = source.lastIndexOf('\n');
    if (newline !== -1) this.#lineStart = offset + newline + 1;
  }

  #takeBlock(type: Token['type'], offset: number): void {
    if (type === 'space' || type === 'newline' || type === 'comment') return;
    const column = offset - this.#lineStart;
    while (this.#columns.length > 0 && this.#columns.at(-1)! >= column) this.#columns.pop();
    this.#columns.push(column);
  }

  #takeFlow(type: Token['type']): void {
    const last = this.#flows.length - 1;
    if (indicators.has(type)) {
      this.#flows[last]! += 1;
      this.#inFlows += 1;
    } else if (type === 'comma') {
      this.#inFlows -= this.#flows[last]!;
      this.#flows[last] = 0;
    }
  }

  #leaveFlows(): void {
    this.#flows = [];
    this.#inFlows = 0;
  }
}
