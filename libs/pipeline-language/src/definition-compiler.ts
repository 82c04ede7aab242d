import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Problem } from '@foldline/contracts';
import type { CompileInput, CompileResult, LintInput } from './compile.ts';
import { notLookedUp } from './elsewhere.ts';
import { prescan } from './prescan.ts';
import { Report } from './report.ts';
import { withSources, type Look, type Wanted } from './sources.ts';

export type DefinitionCompilerOptions = {
  /** How much of a CPU's time one definition may take before it is refused, in milliseconds. */
  timeoutMs?: number;
  /** Heap of the child process. */
  memoryMb?: number;
};

type LintResult = { problems: Problem[] };
type Attempt = CompileResult | LintResult | { wanted: Wanted };
type Answer = { ready: true } | { result: Attempt };
type Input = CompileInput | LintInput;
type Request = { input: Input; resolve: (result: Attempt) => void; reject: (error: Error) => void };

// From source (tests) the built child is used: node cannot run TypeScript.
const built = import.meta.url.endsWith('.ts') ? '../dist/compile-child.js' : './compile-child.js';
const childPath = fileURLToPath(new URL(built, import.meta.url));
const startMs = 30_000;
const NOWHERE: Look = {
  file: async () => undefined,
  paths: async () => [],
  changes: async () => null,
  elsewhere: async (location) => notLookedUp(location),
};
/** A busy machine must not make a definition look too complex: it has this many times its limit by the wall's clock. */
const PATIENCE = 10;
const LOOK_MS = 100;
/** Linux counts the time of processes in hundredths of a second, whatever the kernel's own clock. */
const TICK_MS = 10;

/**
 * Compiles definitions of strangers in a child process with a bounded heap and CPU time, one after the other: whatever a
 * text does to the parser, the server lives on and answers `definition-too-complex`. The child is started with the first
 * definition (or `warm()`), kept, replaced after it died, and never keeps the process alive while it is idle.
 */
export class DefinitionCompiler {
  readonly #timeoutMs: number;
  readonly #memoryMb: number;
  #child: Promise<ChildProcess> | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor({ timeoutMs = 2_000, memoryMb = 256 }: DefinitionCompilerOptions = {}) {
    this.#timeoutMs = timeoutMs;
    this.#memoryMb = memoryMb;
  }

  /** Starts the child before the first definition comes. Rejects when it cannot be started. */
  async warm(): Promise<void> {
    await this.#running();
  }

  /**
   * Resolves with a plan or problems; rejects when closed, when the child cannot be started, or when `look` does. Without
   * `look`, files that the input does not bring are not there.
   */
  async compile(input: CompileInput, look: Look = NOWHERE): Promise<CompileResult> {
    return this.#answer<CompileResult>(input, look);
  }

  /** The same for every problem of the file, whatever it is triggered by. */
  async lint(input: LintInput, look: Look = NOWHERE): Promise<LintResult> {
    const { problems } = await this.#answer<LintResult>(input, look);
    return { problems };
  }

  async #answer<Result extends Attempt>(input: Input, look: Look): Promise<Result> {
    const report = new Report(input.file);
    if (!prescan(input.text, report)) return refused(report) as Result;
    return withSources(look, (sources) => this.#inTurn<Result>({ ...input, sources }));
  }

  #inTurn<Result extends Attempt>(input: Input): Promise<Result> {
    const result = this.#queue.then(() => this.#ask(input));
    this.#queue = result.catch(() => undefined);
    // The child answers each kind of input with its kind of result.
    return result as Promise<Result>;
  }

  /** Ends the child; waiting definitions are rejected. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    const child = await this.#child?.catch(() => undefined);
    if (child) await end(child);
    await this.#queue;
  }

  async #ask(input: Input): Promise<Attempt> {
    const child = await this.#running();
    hold(child);
    return new Promise((resolve, reject) => this.#exchange(child, { input, resolve, reject }));
  }

  #exchange(child: ChildProcess, { input, resolve, reject }: Request): void {
    const stopWatch = killWhenTooLong(child, this.#timeoutMs);
    const finish = (settle: () => void): void => {
      stopWatch();
      child.off('message', onMessage).off('exit', onExit);
      letGo(child);
      settle();
    };
    const onMessage = (answer: Answer): void => {
      if ('result' in answer) finish(() => resolve(answer.result));
    };
    const onExit = (): void => {
      finish(() => (this.#closed ? reject(closed()) : resolve(tooComplex(input))));
    };
    child.on('message', onMessage).on('exit', onExit);
    // A child that has gone meanwhile also exits, and that is the answer.
    child.send(input, (error) => error && child.kill('SIGKILL'));
  }

  async #running(): Promise<ChildProcess> {
    if (this.#closed) throw closed();
    this.#child ??= this.#start();
    return this.#child;
  }

  async #start(): Promise<ChildProcess> {
    const child = fork(childPath, [], {
      // No setting and no secret of the server is anyone's business there.
      env: {},
      execArgv: [`--max-old-space-size=${this.#memoryMb}`],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    });
    child.once('exit', () => (this.#child = undefined));
    // Without a listener a failed signal would end this process; a child that cannot be reached is replaced.
    child.on('error', () => child.kill('SIGKILL'));
    await started(child);
    letGo(child);
    return child;
  }
}

/** Kills the child once it has used so much CPU time from now on. Returns what calls this off. */
const killWhenTooLong = (child: ChildProcess, limitMs: number): (() => void) => {
  const before = cpuMs(child);
  const start = performance.now();
  let timer: NodeJS.Timeout;
  const look = (): void => {
    const elapsed = performance.now() - start;
    const used = Math.min(elapsed, (cpuMs(child) ?? elapsed) - (before ?? 0));
    if (used >= limitMs || elapsed >= limitMs * PATIENCE) child.kill('SIGKILL');
    else timer = setTimeout(look, Math.max(limitMs - used, LOOK_MS));
  };
  timer = setTimeout(look, limitMs);
  return () => clearTimeout(timer);
};

/** CPU time of a process so far, from Linux' process table; `undefined` elsewhere, where the wall's clock has to do. */
const cpuMs = ({ pid }: ChildProcess): number | undefined => {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Behind the name in parentheses: state is the first field; user and system time are the 12th and the 13th.
    const [user, system] = fields
      .slice(fields.lastIndexOf(')') + 2)
      .split(' ')
      .slice(11, 13);
    return (Number(user) + Number(system)) * TICK_MS;
  } catch {
    return undefined;
  }
};

const started = async (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), startMs);
    const settle = (action: () => void) => () => {
      clearTimeout(timer);
      child.off('exit', onExit).off('error', onExit).off('message', onReady);
      action();
    };
    const onExit = settle(() => reject(new Error(`the definition compiler could not be started from ${childPath}`)));
    const onReady = settle(resolve);
    child.once('exit', onExit).once('error', onExit).once('message', onReady);
  });

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
};

const hold = (child: ChildProcess): void => {
  child.ref();
  child.channel?.ref();
};

const letGo = (child: ChildProcess): void => {
  child.unref();
  child.channel?.unref();
};

const closed = (): Error => new Error('the definition compiler is closed');

const refused = (report: Report): CompileResult => ({ problems: report.problems(), decisions: [] });

const tooComplex = ({ file, at = { line: 1, column: 1 } }: Input): CompileResult => {
  const report = new Report(file);
  const message = 'Compiling the file took too much time or memory.';
  report.error('definition-too-complex', at, message, 'Make the file smaller: fewer aliases, copies and jobs.');
  return refused(report);
};
