import { RE2JS, RE2JSException } from 're2js';
import { Refusal } from '@foldline/kernel';

const MAX_PATTERN = 1024;
const OPEN = '(?:';
const CLOSE = ')';
const SPECIAL = /[\\^$.|?*+()[\]{}]/;

export type Glob = {
  /** The directories before the first wildcard: nothing that matches lies elsewhere. */
  base: string;
  matches: (path: string) => boolean;
};

/**
 * Compiles a path pattern: `*` and `?` stay within one segment, `**` crosses them, `[a-z]`, `[!a-z]` and `{a,b}` choose.
 * A leading dot is a character like any other. Whatever matches also stands for everything below it. The engine's time
 * is linear, whatever the pattern: it comes from a user and runs in the server's process.
 */
export const compileGlob = (pattern: string): Glob => {
  if (pattern.length > MAX_PATTERN)
    throw new Refusal('pattern_too_long', `a path pattern has more than ${MAX_PATTERN} characters`);
  const expression = compile(pattern);
  return { base: baseOf(pattern), matches: (path) => expression.matches(path) };
};

const compile = (pattern: string): RE2JS => {
  try {
    return RE2JS.compile(`(?s)${translate(pattern)}(?:/.*)?`);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    throw new Refusal('invalid_pattern', `${pattern} is not a path pattern: ${error.message}`);
  }
};

const baseOf = (pattern: string): string => {
  const wildcard = pattern.search(/[*?[{]/);
  return wildcard < 0 ? pattern : pattern.slice(0, Math.max(0, pattern.lastIndexOf('/', wildcard)));
};

const translate = (pattern: string): string => {
  let output = '';
  let braces = 0;
  for (let at = 0; at < pattern.length;) {
    const rest = pattern.slice(at);
    const [token, regex] = nextToken(rest, at === 0 || pattern[at - 1] === '/', braces);
    if (regex === OPEN) braces += 1;
    if (regex === CLOSE) braces -= 1;
    output += regex;
    at += token.length;
  }
  return output + CLOSE.repeat(braces);
};

/** The longest token at the start of `rest`, and its meaning. */
const nextToken = (rest: string, startsSegment: boolean, braces: number): [string, string] => {
  if (startsSegment && rest.startsWith('**/')) return ['**/', '(?:[^/]*/)*'];
  if (rest.startsWith('**')) return [/^\*+/.exec(rest)![0], '.*'];
  if (rest[0] === '*') return ['*', '[^/]*'];
  if (rest[0] === '?') return ['?', '[^/]'];
  if (rest[0] === '{' && rest.includes('}')) return ['{', OPEN];
  if (rest[0] === '}' && braces > 0) return ['}', CLOSE];
  if (rest[0] === ',' && braces > 0) return [',', '|'];
  const set = /^\[([!^]?)([^\]/\\[]+)\]/.exec(rest);
  if (set) return [set[0], setOf(set[2]!, set[1] !== '')];
  const [letter] = rest;
  return [letter!, SPECIAL.test(letter!) ? `\\${letter}` : letter!];
};

/** A hyphen at either end is a letter; elsewhere it makes a range. Whatever is not in a set is still within its segment. */
const setOf = (letters: string, negated: boolean): string => {
  const members = letters
    .replaceAll('^', '\\^')
    .replace(/^-/, '\\-')
    .replace(/(?<=.)-$/, '\\-');
  return `[${negated ? '^/' : ''}${members}]`;
};
