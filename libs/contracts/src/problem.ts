/**
 * How bad a problem is: an `error` cannot work, and a plan with one is refused; a `warning` is told and the plan goes on;
 * an `info` may well be as its author wants it.
 */
export type Severity = 'error' | 'warning' | 'info';

/** 1-based place in a file. */
export type Place = { line: number; column: number };

/** What mends a problem without anybody's judgement: `text` instead of what stands from `from` up to `to`, both in the problem's file. */
export type Fix = { from: Place; to: Place; text: string };

/** One mistake in a pipeline definition, told so that its author can mend it without reading our source. */
export type Problem = {
  /** Stable code, for example `unknown-keyword`; each has a page under `docs/problems/`. */
  code: string;
  severity: Severity;
  /** What is wrong, in one sentence that names the job and the keyword. */
  message: string;
  file: string;
  /** 1-based position of the first character concerned. */
  line: number;
  column: number;
  /** What to write instead, when that is known. */
  hint?: string;
  /** Where a program can mend it. */
  fix?: Fix;
};
