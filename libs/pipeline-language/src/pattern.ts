import { RE2JS } from 're2js';
import { limits } from './limits.ts';
import { shorten, type Position } from './node.ts';
import type { Where } from './read.ts';
import { remembering } from './remembering.ts';

const flagsThatRe2Knows = /^[imsU]*$/;

/** The RE2 source of a pattern, or why it cannot be used and what to do about it. */
export type PatternReading = { source: string } | { why: string; hint?: string };

/** Reads `/pattern/flags` and reports one that cannot be used. */
export const readPattern = (text: string, at: Position, where: Where): string | undefined => {
  const read = patternOfFile(text);
  if ('source' in read) return read.source;
  where.report.error('invalid-regex', at, `${where.label}: ${read.why}.`, read.hint);
  return undefined;
};

/**
 * The RE2 source of `/pattern/flags`. RE2 takes linear time on every input; look-around and back-references, which it
 * cannot do, are refused here instead of at run time.
 */
export const patternOf = (text: string): PatternReading => {
  const refuse = (why: string, hint?: string): PatternReading => ({ why, ...(hint === undefined ? {} : { hint }) });
  const [, body, flags = ''] = /^\/(.+)\/([a-zA-Z]*)$/s.exec(text.trim()) ?? [];
  if (body === undefined) return refuse('a pattern is written between slashes', 'For example `/(\\d+)% covered/`.');
  if (body.length > limits.patternLength)
    return refuse(`a pattern may have at most ${limits.patternLength} characters`);
  if (!flagsThatRe2Knows.test(flags))
    return refuse(`the flags \`${shorten(flags)}\` are not known`, 'Known: `i`, `m`, `s`, `U`.');
  const source = flags === '' ? body : `(?${flags})${body}`;
  try {
    RE2JS.compile(source);
    return { source };
  } catch (error) {
    const reason =
      error instanceof Error ? error.message.replace(/^error parsing regexp: /, '') : 'it does not compile';
    return refuse(
      `the pattern cannot be used: ${reason}`,
      'Look-around and back-references are not available (RE2 syntax).',
    );
  }
};

const patternOfFile = remembering(patternOf);

/** Whether a pattern that was read before is found anywhere in the text. */
export const found = (source: string, text: string): boolean => RE2JS.compile(source).matcher(text).find();

/** Few, for each keeps what it has found out about its texts. */
const compiled = remembering((source) => RE2JS.compile(source), 20);

/** The same for patterns that the file says, and so perhaps each of its jobs of the same texts. */
export const finding = (): ((source: string, text: string) => boolean) => {
  const within = remembering((source) => remembering((text) => compiled(source).matcher(text).find(), 20));
  return (source, text) => within(source)(text);
};
