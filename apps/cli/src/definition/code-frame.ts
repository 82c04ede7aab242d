import type { Place } from '@foldline/contracts';

/** Of a long line, so many characters are shown before the place and behind it. */
const BEFORE = 100;
const BEHIND = 80;
/** What is cut off before the place leaves this much of it. */
const KEPT_BEFORE = 40;

/** The line before, the line itself, and a mark under the place. Nothing for a place that the text does not have. */
export const codeFrame = ({ line, column }: Place, lines: readonly string[]): string[] => {
  const source = lines[line - 1];
  if (source === undefined || source.trim() === '') return [];
  const at = column - 1;
  const from = at > BEFORE ? at - KEPT_BEFORE : 0;
  const left = (from > 0 ? '…' : '') + visible(source.slice(from, at)).slice(-BEFORE);
  const right = cut(visible(source.slice(at, at + BEHIND + 1)), source.length > at + BEHIND);
  const before = lines[line - 2]?.trimEnd() ?? '';
  const number = String(line);
  const row = (label: string, text: string): string => `  ${label.padStart(number.length)} | ${text}`.trimEnd();
  return [
    ...(before.length > from ? [row(String(line - 1), neighbour(before, from))] : []),
    row(number, left + right),
    row('', `${' '.repeat(columnsOf(left.padEnd(at - from)))}^`),
  ];
};

const neighbour = (text: string, from: number): string => {
  const width = BEFORE + BEHIND;
  return (from > 0 ? '…' : '') + cut(visible(text.slice(from, from + width)), text.length > from + width);
};

const cut = (shown: string, isCut: boolean): string =>
  isCut || shown.length > BEHIND + BEFORE ? `${shown.slice(0, BEHIND + BEFORE)}…` : shown;

/** Whatever could move the cursor, turn the text around or look like nothing at all is written as its number. */
export const visible = (text: string): string =>
  text
    .replaceAll('\t', ' ')
    .replaceAll(
      /[^\P{C}]|[^\P{Z} ]/gu,
      (character) => `<U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}>`,
    );

const WIDE = /\p{Emoji_Presentation}|[\p{sc=Han}\p{sc=Hangul}\p{sc=Hiragana}\p{sc=Katakana}\uff01-\uff60]/gu;

/** How many columns of a terminal a text takes. */
const columnsOf = (text: string): number => text.replaceAll(/\p{M}/gu, '').replaceAll(WIDE, '  ').length;
