/** How bad a problem is: an `error` refuses the plan, a `warning` is told and the plan goes on. */
export type Severity = 'error' | 'warning';

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
};
