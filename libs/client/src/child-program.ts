import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, statSync } from 'node:fs';
import { until } from './until.ts';

/** As long as a service that drains for a minute gives itself, and a little more. */
const STOP_MS = 95_000;
const START_MS = 60_000;
const LAST_LINES = 20;

export type Command = {
  /** What it is called in messages. */
  name: string;
  args: readonly string[];
  /** Put before Node and its arguments, such as what makes a program run on another host. */
  within?: readonly string[];
  environment: Readonly<Record<string, string | undefined>>;
  /** Takes standard output and standard error, also of later starts. */
  logFile: string;
  /** What a line of its output says when it is up. */
  isUp: RegExp;
};

const running = new Set<ChildProcess>();
// Whoever started them may end by an error of its own, and nobody else knows them.
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** A Node program as a process that can be stopped, killed and started again. */
export class ChildProgram {
  private child: ChildProcess | undefined;
  private exited: Promise<number | null> = Promise.resolve(null);
  private askedToEnd = false;
  /** What went wrong with it while nobody had asked it to end. */
  readonly failures: string[] = [];

  constructor(private readonly command: Command) {}

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** Starts it and waits until it says that it is up; answers with the line that says so. `more` adds settings. */
  async start(more: Readonly<Record<string, string>> = {}): Promise<string> {
    const { name, args, within = [], environment, logFile, isUp } = this.command;
    if (this.child) throw new Error(`${name} runs already`);
    const before = existsSync(logFile) ? statSync(logFile).size : 0;
    const output = openSync(logFile, 'a');
    const [program, ...rest] = [...within, process.execPath, ...args];
    const child = spawn(program!, rest, {
      env: { ...environment, ...more },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    this.child = child;
    running.add(child);
    this.askedToEnd = false;
    let ended = false;
    this.exited = new Promise((resolve) => {
      child.once('exit', (code, signal) => {
        ended = true;
        this.child = undefined;
        running.delete(child);
        if (!this.askedToEnd) this.fail(`ended by itself (${signal ?? `code ${String(code)}`})`);
        resolve(code);
      });
    });
    const line = await until(
      `${name} to say that it is up`,
      () =>
        ended ||
        readFileSync(logFile)
          .subarray(before)
          .toString('utf8')
          .split('\n')
          .find((text) => isUp.test(text)),
      START_MS,
    ).catch((error: unknown) => {
      this.fail(`did not start within ${START_MS} ms`);
      throw error;
    });
    if (line === true) throw new Error(this.failures.at(-1) ?? `${name} was ended while it started`);
    return line;
  }

  /** SIGTERM, and waits for the end, which comes by SIGKILL when it takes too long. Answers with the exit code. */
  async stop(): Promise<number | null> {
    const { child } = this;
    if (!child) return null;
    const late = setTimeout(() => {
      this.fail(`did not end within ${STOP_MS} ms of SIGTERM`);
      child.kill('SIGKILL');
    }, STOP_MS);
    await this.kill('SIGTERM');
    clearTimeout(late);
    return this.exited;
  }

  /** Sends the signal and waits for the end. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.askedToEnd = true;
    this.child?.kill(signal);
    await this.exited;
  }

  /** Everything it has said so far. */
  log(): string {
    return readFileSync(this.command.logFile, 'utf8');
  }

  private fail(what: string): void {
    const end = this.log().trimEnd().split('\n').slice(-LAST_LINES).join('\n');
    const failure = `${this.command.name} ${what}; the end of ${this.command.logFile}:\n${end}`;
    this.failures.push(failure);
    process.stderr.write(`${failure}\n`);
  }
}
