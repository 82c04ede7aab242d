import { offsetOf } from '../fix.ts';
import type { Position } from '../node.ts';

/** What YAML makes of a backslash in double quotes, as far as it is one character for one; a space stands for any white space. */
const ESCAPES: Readonly<Record<string, string>> = { '"': '"', '\\': '\\', '/': '/', n: ' ', t: ' ', r: ' ', ' ': ' ' };

const isSpace = (character: string | undefined): boolean => character !== undefined && /\s/.test(character);

/**
 * Where in the file a character of a text stands: whatever the style of a scalar, YAML changes only its white space,
 * quotes and escapes. The beginning of the scalar where it cannot be told.
 */
export const placeInScalar = (text: string | undefined, at: Position, value: string, offset: number): Position => {
  const start = text === undefined ? undefined : offsetOf(text, at);
  if (text === undefined || start === undefined) return at;
  let wanted = Math.min(offset, value.length - 1);
  while (wanted > 0 && isSpace(value[wanted])) wanted -= 1;
  const place = new Walk(text, start).to(value, wanted);
  if (place === undefined) return at;
  const lineStart = text.lastIndexOf('\n', place - 1) + 1;
  let line = at.line;
  for (let next = text.indexOf('\n', start); next !== -1 && next < place; next = text.indexOf('\n', next + 1))
    line += 1;
  return { ...at, line, column: place - lineStart + 1 };
};

class Walk {
  #at: number;
  readonly #quote: string;

  constructor(
    readonly text: string,
    start: number,
  ) {
    const first = text[start]!;
    this.#quote = first === '"' || first === "'" ? first : '';
    const isBlock = first === '|' || first === '>';
    this.#at = isBlock ? text.indexOf('\n', start) + 1 : start + this.#quote.length;
  }

  /** Goes through the file and the value together, from one character that is no white space to the next. */
  to(value: string, wanted: number): number | undefined {
    for (let index = 0; index <= wanted; index++) {
      if (isSpace(value[index])) continue;
      const { place, character } = this.#next();
      if (character !== value[index]) return undefined;
      if (index === wanted) return place;
    }
    return undefined;
  }

  #next(): { place: number; character: string | undefined } {
    for (;;) {
      const place = this.#at;
      const character = this.#character();
      if (!isSpace(character)) return { place, character };
    }
  }

  #character(): string | undefined {
    const written = this.text[this.#at++];
    if (this.#quote === "'" && written === "'") return this.text[this.#at++] === "'" ? "'" : undefined;
    if (this.#quote !== '"' || written !== '\\') return written;
    const escaped = this.text[this.#at++];
    return isSpace(escaped) ? ' ' : ESCAPES[escaped ?? ''];
  }
}
