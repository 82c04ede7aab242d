import { randomBytes } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { shellWord } from '@foldline/contracts';
import { TransientError, type ExecutionSpec } from '@foldline/kernel';
import { framesOf } from './frames.ts';
import { MarkedOutput } from './marked-output.ts';
import { countersIn, READ_COUNTERS, type Counters } from './cgroup-counters.ts';
import { PRIVATE_DIRECTORY } from './container-options.ts';

const STANDARD_OUTPUT = 1;
/** SIGKILL is sent at once; what is in the kernel when it comes, or waits for a turn, dies later. */
const DYING_MS = 5_000;
const POLL_MS = 5;

type OnOutput = ExecutionSpec['onOutput'];

/** Which shell runs the steps: bash where the image has one, as in GitLab's runner. And who they run as. */
export type Greeting = { shell: 'bash' | 'sh'; uid: number; gid: number };

/** The stream to the shell has ended: its container has. */
export class ShellGone extends TransientError {
  override readonly name = 'ShellGone';
}

/**
 * The first process of a container: a shell that runs one step after the other, as it is told on its standard input.
 * Asking it costs a few milliseconds, where a new `exec` costs ten times as much. It answers in words that are told from
 * what jobs print by a mark that no job knows.
 */
export class ResidentShell {
  readonly #mark = `\u001e${randomBytes(16).toString('hex')} `;
  readonly #listening: Promise<void>;
  #answer: { resolve: (word: string) => void; reject: (error: Error) => void } | undefined;
  #onOutput: OnOutput = () => undefined;
  #isGone = false;
  #files = 1;

  constructor(private readonly stream: Duplex) {
    stream.on('error', () => undefined);
    this.#listening = this.#listen();
  }

  /** Whether its container is known to have ended. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** Whether its container is there to run something. */
  async answers(): Promise<boolean> {
    return this.ask(this.say('here')).then(
      () => true,
      () => false,
    );
  }

  /** Starts a shell for nothing: the first one in a container, and the first one in a while, take twice as long. */
  async wake(shell: string): Promise<void> {
    await this.ask(`${shell} -c : </dev/null; ${this.say('here')}`);
  }

  /** What the container is like. */
  async greeting(): Promise<Greeting> {
    const shell = 'if command -v bash >/dev/null 2>&1; then shell=bash; else shell=sh; fi';
    const ids = '"$(id -u 2>/dev/null || echo 0)" "$(id -g 2>/dev/null || echo 0)"';
    const word = await this.ask(`${this.makeNextFile()}; ${shell}; ${this.say('%s %s %s', `"$shell" ${ids}`)}`);
    const [found, uid, gid] = word.split(' ');
    return { shell: found === 'bash' ? 'bash' : 'sh', uid: Number(uid), gid: Number(gid) };
  }

  /**
   * Runs a script in the foreground and resolves with its exit code and what the container has used until then; what it
   * prints is handed over meanwhile.
   */
  async run(shell: string, script: string, onOutput: OnOutput): Promise<{ exitCode: number; counters: Counters }> {
    const file = this.nextFile;
    this.#files += 1;
    this.#onOutput = onOutput;
    const word = await this.ask(
      `printf '%s\\n' ${shellWord(script)} > ${file}; ` +
        `${shell} ${file} </dev/null 2>&1; code=$?; ${READ_COUNTERS}; ${this.say('%s %s', '"$code" "$counters"')}; ` +
        `: > ${file}; ${this.makeNextFile()}`,
    );
    const [exitCode, ...counters] = word.split(' ');
    return { exitCode: Number(exitCode), counters: countersIn(counters) };
  }

  private get nextFile(): string {
    return `${PRIVATE_DIRECTORY}/${this.#files}.sh`;
  }

  /** Ahead of its script, since a file that nobody else may read takes a process to make. */
  private makeNextFile(): string {
    return `(umask 077; : > ${this.nextFile})`;
  }

  /** How many processes there are besides the shell. */
  async others(): Promise<number> {
    return this.count('');
  }

  /** How many processes of the container were ended so far for the memory that they took. */
  async outOfMemoryKills(): Promise<number> {
    const counters = '/sys/fs/cgroup/memory.events /sys/fs/cgroup/memory/memory.oom_control';
    const count = `while read -r name value; do if [ "$name" = oom_kill ]; then kills=$value; fi; done < "$file"`;
    return Number(
      await this.ask(
        `kills=0; for file in ${counters}; do if [ -r "$file" ]; then ${count}; fi; done; ${this.say('%s', '"$kills"')}`,
      ),
    );
  }

  /** Ends all other processes of the container, and resolves when none is left; they may be a while in dying. */
  async killOthers(): Promise<void> {
    const deadline = performance.now() + DYING_MS;
    while ((await this.count('kill -KILL -1 2>/dev/null; ')) > 0) {
      if (performance.now() > deadline)
        throw new TransientError('processes of the job are still there after they were killed');
      await delay(POLL_MS);
    }
    this.#onOutput = () => undefined;
  }

  private async count(before: string): Promise<number> {
    // It makes the shell take notice of children that have ended, and takes no new process, which there may be none for.
    const reap = 'jobs >/dev/null 2>&1 || (:)';
    const word = await this.ask(`${before}${reap}; set -- /proc/[0-9]*; ${this.say('%s', '$#')}`);
    return Number(word) - 1;
  }

  /** Resolves with the next word; rejects when the container ends instead. */
  private ask(command: string): Promise<string> {
    if (this.#isGone) return Promise.reject(new ShellGone('the container has ended'));
    return new Promise((resolve, reject) => {
      this.#answer = { resolve, reject };
      this.stream.write(`${command}\n`);
    });
  }

  private say(format: string, ...values: string[]): string {
    return [`printf '\\036${this.#mark.slice(1)}${format}\\n'`, ...values].join(' ');
  }

  async close(): Promise<void> {
    this.stream.destroy();
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const marked = new MarkedOutput(this.#mark);
    try {
      for await (const { stream, payload } of framesOf(this.stream)) {
        // What jobs print comes by the standard output; the shell's own complaints are nobody's.
        if (stream !== STANDARD_OUTPUT) continue;
        for (const heard of marked.take(payload)) {
          if ('word' in heard) this.#answer?.resolve(heard.word);
          else await this.#onOutput(heard.output);
        }
      }
    } catch {
      // The connection broke, or was closed by us: either way nothing more is heard.
    } finally {
      this.#isGone = true;
      this.#answer?.reject(new ShellGone('the container has ended'));
    }
  }
}
