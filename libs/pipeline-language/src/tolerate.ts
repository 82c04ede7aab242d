import type { Position } from './node.ts';
import type { Report } from './report.ts';
import { lexemesOf, tokensOf } from './tokens.ts';

/**
 * A text that YAML can parse, with the same length and line breaks as the author's, so every position stays true.
 * `restored` holds the author's words by offset for each scalar that was replaced.
 */
export type Tolerated = { text: string; restored: ReadonlyMap<number, string> };

type Candidate = { offset: number; source: string; at: Position };

/**
 * `coverage: /Coverage: (\d+)%/` is not valid YAML, because `: ` inside an unquoted text begins a map, and ` #` begins a
 * comment; yet it is how everyone writes it (seed S0-24, C17). Such patterns are read as if they were quoted, with a
 * warning. A line that looks the same inside a block of script is left alone: the lexer tells which is which.
 */
export const tolerateUnquotedCoverage = (text: string, report: Report): Tolerated => {
  const candidates = text.includes('coverage:') ? findCandidates(text) : [];
  if (candidates.length === 0) return { text, restored: new Map() };
  const replaced = replaceAll(text, candidates);
  const starts = coverageValues(replaced);
  const genuine = candidates.filter(({ offset }) => starts.has(offset));
  for (const { source, at } of genuine) {
    const quoted = `'${source.replaceAll("'", "''")}'`;
    const message =
      'The coverage pattern holds `: ` or ` #`, which YAML reads as something else; it was read as if quoted.';
    const fix = { from: at, to: { ...at, column: at.column + source.length }, text: quoted };
    report.warn('coverage-quoted', at, message, `Write \`coverage: ${quoted}\`.`, fix);
  }
  return {
    text: genuine.length === candidates.length ? replaced : replaceAll(text, genuine),
    restored: new Map(genuine.map(({ offset, source }) => [offset, source])),
  };
};

const linePattern = /^((?: |- )*coverage:[ \t]+)(\/.*)$/;

const findCandidates = (text: string): Candidate[] => {
  const candidates: Candidate[] = [];
  let start = 0;
  for (const [index, line] of text.split('\n').entries()) {
    const [, before, value] = linePattern.exec(line) ?? [];
    const source = value === undefined ? undefined : patternIn(value);
    if (before !== undefined && source !== undefined && mistaken(source))
      candidates.push({ offset: start + before.length, source, at: { line: index + 1, column: before.length + 1 } });
    start += line.length + 1;
  }
  return candidates;
};

const complete = /^\/.+\/[a-z]*$/;

/** Up to a comment if what stands before it is a whole pattern, else up to the last slash of the line. */
const patternIn = (value: string): string | undefined => {
  for (let hash = value.indexOf(' #'); hash !== -1; hash = value.indexOf(' #', hash + 1)) {
    const before = value.slice(0, hash).trimEnd();
    if (complete.test(before)) return before;
    if (hash > 1024) return undefined;
  }
  const whole = value.trimEnd();
  return complete.test(whole) ? whole : undefined;
};

const mistaken = (source: string): boolean => /:\s|\s#/.test(source);

const replaceAll = (text: string, candidates: Candidate[]): string => {
  let result = '';
  let done = 0;
  for (const { offset, source } of candidates) {
    result += text.slice(done, offset) + 'x'.repeat(source.length);
    done = offset + source.length;
  }
  return result + text.slice(done);
};

/** Offsets of the scalars that are the value of a key `coverage`. */
const coverageValues = (text: string): Set<number> => {
  const starts = new Set<number>();
  let key = false;
  let value = false;
  for (const { type, source, offset } of tokensOf(lexemesOf(text))) {
    if (type === 'space') continue;
    if (type === 'scalar' && value) starts.add(offset);
    value = key && type === 'map-value-ind';
    key = type === 'scalar' && source === 'coverage';
  }
  return starts;
};
