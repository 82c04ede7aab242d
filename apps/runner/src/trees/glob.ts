import { RE2JS, RE2JSException } from 're2js';
import { regexOfGlob } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';

const MAX_PATTERN = 1024;

export type Glob = {
  /** The directories before the first wildcard: nothing that matches lies elsewhere. */
  base: string;
  matches: (path: string) => boolean;
};

/**
 * Compiles a path pattern (see `regexOfGlob`). Whatever matches also stands for everything below it. The engine's time
 * is linear, whatever the pattern: it comes from a user and runs in the server's process.
 */
export const compileGlob = (pattern: string): Glob => {
  if (pattern.length > MAX_PATTERN)
    throw new Refusal('pattern_too_long', `a path pattern has more than ${MAX_PATTERN} characters`);
  const base = baseOf(pattern);
  if (base === pattern) return { base, matches: (path) => path === base || path.startsWith(`${base}/`) };
  const expression = compile(pattern);
  return { base, matches: (path) => expression.matches(path) };
};

const compile = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(`(?s)${regexOfGlob(pattern)}(?:/.*)?`);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new Refusal('invalid_pattern', `${pattern} is not a path pattern: ${error.message}`);
  }
};

const baseOf = (pattern: string): string => {
  const wildcard = pattern.search(/[*?[{]/);
  return wildcard < 0 ? pattern : pattern.slice(0, Math.max(0, pattern.lastIndexOf('/', wildcard)));
};
