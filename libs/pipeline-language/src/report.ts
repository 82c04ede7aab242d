import type { Fix, Problem, Severity } from '@foldline/contracts';
import { replacement } from './fix.ts';
import { limits } from './limits.ts';
import type { Position } from './node.ts';
import type { CompilerProblemCode } from './problem-codes.ts';
import { problemHints } from './problem-hints.ts';
import type { Suggestion } from './suggest.ts';

export type Hint = string | Suggestion;

type Found = {
  code: CompilerProblemCode;
  at: Position;
  message: string;
  hint?: Hint | undefined;
  fix?: Fix | undefined;
};

/** A problem, with the jobs of which it was reported: how many more than the first, and the last one. */
type Shared = { problem: Problem; more: number; first: string; last: string };

/** What is said of a name or a part that is missing: what was left out may have it. */
const OF_WHAT_IS_MISSING: ReadonlySet<CompilerProblemCode> = new Set([
  'dependency-missing-job',
  'dependency-without-artifacts',
  'extends-missing-job',
  'invalid-reference',
  'misspelt-variable',
  'missing-script',
  'needs-missing-job',
  'on-stop-missing-job',
  'on-stop-unfit-job',
  'services-without-image',
  'unknown-stage',
  'unreachable-job',
  'unused-variable',
]);

/** What a message says, and of which job. */
const OF_A_JOB = /^(Job `.*?`)(?=[: ])/s;

/** Collects every problem of a definition, with the files that it includes, so that its author can mend them all at once. Each says what to do. */
export class Report {
  readonly #found: Shared[] = [];
  readonly #listed: Record<Severity, number> = { error: 0, warning: 0, info: 0 };
  readonly #seen = new Map<string, Shared>();
  readonly #texts = new Map<string, string>();
  #omitted = 0;
  #errors = 0;
  #told = 0;
  #isPartial = false;
  /** In which problems without a file of their own are. */
  #reading: string;

  constructor(readonly file: string) {
    this.#reading = file;
  }

  /** A file's text, in which problems of it have their places. */
  hasRead(file: string, text: string): void {
    this.#texts.set(file, text);
  }

  /** Of all files that were read. */
  get texts(): Iterable<string> {
    return this.#texts.values();
  }

  textOf(file = this.file): string | undefined {
    return this.#texts.get(file);
  }

  /** What is reported meanwhile is about this file, unless it says otherwise. */
  reading<Result>(file: string, work: () => Result): Result {
    const before = this.#reading;
    this.#reading = file;
    try {
      return work();
    } finally {
      this.#reading = before;
    }
  }

  /** Something of the definition is not known here, so from now on nothing is said to be missing. */
  leavesOut(): void {
    this.#isPartial = true;
  }

  get isPartial(): boolean {
    return this.#isPartial;
  }

  error(code: CompilerProblemCode, at: Position, message: string, hint?: Hint, fix?: Fix): void {
    if (!this.#isUnsure(code)) this.#errors += 1;
    this.#add('error', { code, at, message, hint, fix });
  }

  warn(code: CompilerProblemCode, at: Position, message: string, hint?: Hint, fix?: Fix): void {
    this.#add('warning', { code, at, message, hint, fix });
  }

  /** What was found of another definition, which this one starts. */
  adopt(problems: readonly Problem[]): void {
    for (const { code, severity, message, line, column, file, hint, fix } of problems) {
      if (severity === 'error') this.#errors += 1;
      this.#add(severity, { code: code as CompilerProblemCode, at: { line, column, file }, message, hint, fix });
    }
  }

  info(code: CompilerProblemCode, at: Position, message: string): void {
    this.#add('info', { code, at, message });
  }

  /** True once there is an error; warnings do not refuse a plan. */
  get failed(): boolean {
    return this.#errors > 0;
  }

  /** How much was said of all kinds, also what is not listed. */
  get told(): number {
    return this.#told;
  }

  get errors(): number {
    return this.#errors;
  }

  /** True when no more problems are listed, so hints for them need not be found. */
  get full(): boolean {
    return this.#listed.error >= limits.problems;
  }

  /** In the order of the file, and behind it of those that it includes; ends with `too-many-problems` when some were left out. */
  problems(): Problem[] {
    const ofIncluded = ({ file }: Problem): string => (file === this.file ? '' : file);
    // What is worse is told first: a warning never takes the place of an error, which refuses the plan.
    const { error, warning } = this.#listed;
    const room = { error, warning: limits.problems - error, info: limits.problems - error - warning };
    const listed = this.#found.map(told).filter(({ severity }) => room[severity]-- > 0);
    const omitted = this.#omitted + this.#found.length - listed.length;
    const sorted = listed.toSorted(
      (a, b) => ofIncluded(a).localeCompare(ofIncluded(b)) || a.line - b.line || a.column - b.column,
    );
    if (omitted === 0) return sorted;
    const message = `${omitted} more problems are not listed`;
    const severity: Severity = this.failed ? 'error' : warning > 0 ? 'warning' : 'info';
    const code = 'too-many-problems';
    const place = { file: this.file, line: 1, column: 1 };
    return [...sorted, { code, severity, message, ...place, hint: problemHints[code] }];
  }

  #isUnsure(code: CompilerProblemCode): boolean {
    return this.#isPartial && OF_WHAT_IS_MISSING.has(code);
  }

  #add(severity: Severity, { code, at, message, hint: given = problemHints[code], fix }: Found): void {
    this.#told += 1;
    if (this.#isUnsure(code)) return;
    // A template or an anchor of several jobs is read several times and is still one mistake.
    const file = at.file ?? this.#reading;
    const [job = ''] = OF_A_JOB.exec(message) ?? [];
    const key = `${code} ${file} ${at.line} ${at.column} ${message.slice(job.length)}`;
    const before = this.#seen.get(key);
    if (before) return countIn(before, job);
    if (this.#listed[severity] >= limits.problems) {
      this.#omitted += 1;
      return;
    }
    this.#listed[severity] += 1;
    const place = { file, line: at.line, column: at.column };
    const hint = typeof given === 'string' ? given : given.hint;
    const mend = typeof given === 'string' ? fix : replacement(this.#texts.get(file), at, given);
    const problem: Problem = { code, severity, message, ...place, hint, ...(mend && { fix: mend }) };
    const found = { problem, more: 0, first: job, last: job };
    this.#seen.set(key, found);
    this.#found.push(found);
  }
}

const told = ({ problem, first, more }: Shared): Problem =>
  more === 0 ? problem : { ...problem, message: `${first} (and ${more} more)${problem.message.slice(first.length)}` };

/** Jobs are looked at one after the other. */
const countIn = (shared: Shared, job: string): void => {
  if (job === shared.last || job === shared.first) return;
  shared.more += 1;
  shared.last = job;
};
