import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  PermanentError,
  type ContainerSpec,
  type Execution,
  type ExecutionResult,
  type ExecutionSpec,
  type Executor,
  type Site,
  type SiteSpec,
} from '@foldline/kernel';

export type ExecutorFixture = {
  executor: Executor;
  /** What every attempt of the suite runs in, for executors that make containers. */
  container?: ContainerSpec;
  /** How many processes of the attempt are alive on the host. */
  alive(attemptId: string): number | Promise<number>;
};

const escape = String.fromCharCode(27);
const echoOf = (line: string): string => `${escape}[32;1m$ ${line}${escape}[0;m\n`;

type Given = Partial<SiteSpec & Pick<ExecutionSpec, 'environment' | 'onOutput'>>;

/** What may be said of a shell that a signal has ended: of one in a container its number is all that is known. */
const diedOf = (number: 9 | 15): ExecutionResult[] => [
  { signal: number === 9 ? 'SIGKILL' : 'SIGTERM' },
  { exitCode: 128 + number },
];

let counter = 0;

/** What every executor must do; runs against each adapter. */
export const executorContract = (name: string, open: () => ExecutorFixture): void =>
  describe(`the executor ${name}`, () => {
    const { executor, alive, container } = open();
    let root: string;
    let attemptId: string;
    let output: Buffer[];
    let sites: Site[];
    let opened: number;

    beforeEach(() => {
      root = mkdtempSync(join(tmpdir(), 'foldline-executor-'));
      mkdirSync(join(root, 'workspace'));
      mkdirSync(join(root, 'scratch'));
      attemptId = `contract${process.pid}.${(counter += 1)}.1`;
      output = [];
      sites = [];
      opened = 0;
    });
    const closeAll = async (): Promise<void> => {
      for (const site of sites) await site.close();
    };
    afterEach(async () => {
      await closeAll();
      rmSync(root, { recursive: true, force: true });
    });

    /** A workspace is one attempt's; after the first one of a test each has its own. */
    const nextWorkspace = (): string => {
      const path = join(root, (opened += 1) === 1 ? 'workspace' : `workspace-${opened}`);
      mkdirSync(path, { recursive: true });
      return path;
    };
    const start = async (
      commands: string[],
      { environment = {}, onOutput = (chunk) => void output.push(chunk), ...where }: Given = {},
    ): Promise<Execution> => {
      const given = {
        attemptId,
        workspace: nextWorkspace(),
        scratchDirectory: join(root, 'scratch'),
        ...(container && { container }),
        ...where,
      };
      const site = await executor.open(given);
      sites.push(site);
      return site.start({ commands, environment, onOutput });
    };
    const run = async (commands: string[], more: Given = {}) => (await start(commands, more)).finished;
    const text = (): string => Buffer.concat(output).toString();
    /** Output without the echoed commands. */
    const printed = (): string =>
      text()
        .split('\n')
        .filter((line) => !line.startsWith(escape))
        .join('\n');
    const startAndWaitFor = async (line: string, commands: string[]): Promise<Execution> => {
      let seen: () => void = () => undefined;
      const printedLine = new Promise<void>((resolve) => {
        seen = resolve;
      });
      const onOutput = (chunk: Buffer): void => {
        output.push(chunk);
        if (printed().split('\n').includes(line)) seen();
      };
      const execution = await start(commands, { onOutput });
      await printedLine;
      return execution;
    };

    describe('running commands', () => {
      it('runs them in order in one shell, in the working directory', async () => {
        const result = await run(['mkdir sub', 'cd sub', 'export NAME=value', 'echo "$NAME in ${PWD##*/}" > out']);
        expect(result).toEqual({ exitCode: 0 });
        await closeAll();
        expect(readFileSync(join(root, 'workspace', 'sub', 'out'), 'utf8')).toBe('value in sub\n');
      });

      it('waits until the working directory is filled, and makes no place where it never is', async () => {
        const [workspace, never] = [nextWorkspace(), nextWorkspace()];
        rmSync(workspace, { recursive: true });
        let fill: () => void = () => undefined;
        const filled = new Promise<void>((resolve) => {
          fill = () => resolve(void mkdirSync(workspace));
        });
        const started = start(['touch made; ls'], { workspace, filled });
        await expect(
          start(['true'], { workspace: never, filled: Promise.reject(new Error('gone')) }),
        ).rejects.toThrow();
        fill();
        expect(await (await started).finished).toEqual({ exitCode: 0 });
        expect(printed()).toBe('made\n');
      });

      it('echoes the first line of each command before it runs', async () => {
        await run(['echo one', 'echo two\necho three']);
        expect(text()).toBe(`${echoOf('echo one')}one\n${echoOf('echo two')}two\nthree\n`);
      });

      it('stops at the first command that fails, with its exit code', async () => {
        expect(await run(['echo before', '(exit 42)', 'echo after'])).toEqual({ exitCode: 42 });
        expect(printed()).toBe('before\n');
      });

      it('stops inside a command of several lines too', async () => {
        expect(await run(['false\necho after'])).toEqual({ exitCode: 1 });
        expect(printed()).not.toContain('after');
      });

      it('ends with the exit code given, and with 0 when there is nothing to run', async () => {
        expect(await run(['exit 255'])).toEqual({ exitCode: 255 });
        expect(await run([])).toEqual({ exitCode: 0 });
      });

      it('names the signal when the shell dies of one', async () => {
        expect(diedOf(9)).toContainEqual(await run(['kill -9 $$']));
      });

      it('lets a block span several list items', async () => {
        expect(await run(['if true; then', 'echo inside', 'fi'])).toEqual({ exitCode: 0 });
        expect(printed()).toBe('inside\n');
      });

      it.each([
        `echo 'single' "double" $(echo sub) \`echo ticks\``,
        `: '%s %d \\n \\x41' "$HOME" ; : '\\'`,
        'echo ünïcödé 日本 🎉',
        `: "'; touch hostile; '"`,
        `: '$(touch hostile)' '\`touch hostile\`'`,
      ])('echoes %s as it is', async (command) => {
        expect(await run([command])).toEqual({ exitCode: 0 });
        expect(text().startsWith(echoOf(command))).toBe(true);
        expect(await run(['test ! -e hostile'])).toEqual({ exitCode: 0 });
      });

      it('fails, as a result, on a command that is no shell language', async () => {
        expect((await run(['echo "unfinished'])).exitCode).toBeGreaterThan(0);
      });
    });

    describe('output', () => {
      it('keeps the order in which both outputs were written', async () => {
        await run(['i=0; while [ $i -lt 500 ]; do echo out$i; echo err$i >&2; i=$((i+1)); done']);
        const lines = Array.from({ length: 500 }, (_, n) => `out${n}\nerr${n}\n`).join('');
        expect(printed()).toBe(lines);
      });

      it('loses nothing that was printed right before the end', async () => {
        await run(['head -c 1048576 /dev/zero | tr "\\0" x; exit 3']);
        expect(printed().length).toBe(1_048_576);
      });

      it('lets a script write to the names of its outputs', async () => {
        expect(await run(['echo one > /dev/stderr', 'echo two > /dev/stdout', 'echo three | tee /dev/stderr'])).toEqual(
          {
            exitCode: 0,
          },
        );
        expect(printed()).toBe('one\ntwo\nthree\nthree\n');
      });

      it('slows the job down to the speed of the reader and keeps memory bounded', async () => {
        let bytes = 0;
        let inFlight = 0;
        const before = process.memoryUsage().rss;
        let peak = before;
        const onOutput = async (chunk: Buffer): Promise<void> => {
          inFlight += 1;
          expect(inFlight).toBe(1);
          bytes += chunk.length;
          await new Promise((resolve) => setImmediate(resolve));
          peak = Math.max(peak, process.memoryUsage().rss);
          inFlight -= 1;
        };
        await run(['head -c 52428800 /dev/zero'], { onOutput });
        expect(bytes).toBeGreaterThanOrEqual(52_428_800);
        expect(peak - before).toBeLessThan(40 * 1024 * 1024);
      });

      it('ends the job and fails when its output cannot be taken', async () => {
        const onOutput = () => Promise.reject(new PermanentError('nowhere to put it'));
        const execution = await start(['while true; do echo line; done'], { onOutput });
        await expect(execution.finished).rejects.toThrow(PermanentError);
        expect(await alive(attemptId)).toBe(0);
      });
    });

    describe('surroundings', () => {
      it('gives the job its own environment and nothing of the server', async () => {
        process.env['FOLDLINE_CONTRACT_CANARY'] = 'of the server';
        await run(['env'], { environment: { GREETING: 'two\nlines $(x)' } });
        delete process.env['FOLDLINE_CONTRACT_CANARY'];
        expect(text()).toContain('GREETING=two\nlines $(x)\n');
        expect(text()).not.toContain('CANARY');
        expect(text()).toContain('PATH=');
      });

      it('has nothing on standard input', async () => {
        expect(await run(['cat', 'if read line; then exit 9; fi'])).toEqual({ exitCode: 0 });
      });

      it('fails permanently when the working directory is not there', async () => {
        await expect(start(['true'], { workspace: join(root, 'none') })).rejects.toThrow(PermanentError);
        expect(await alive(attemptId)).toBe(0);
      });

      it('runs many jobs at once without mixing them', async () => {
        const results = await Promise.all(
          Array.from({ length: 24 }, async (_, n) => {
            const chunks: Buffer[] = [];
            const onOutput = (chunk: Buffer): void => void chunks.push(chunk);
            const id = `${attemptId}.${n}`;
            const result = await run([`echo job ${n}; exit ${n}`], { attemptId: id, onOutput });
            return { result, text: Buffer.concat(chunks).toString() };
          }),
        );
        results.forEach(({ result, text }, n) => {
          expect(result).toEqual({ exitCode: n });
          expect(text.endsWith(`\njob ${n}\n`)).toBe(true);
        });
      });
    });

    describe('ending', () => {
      it.each([
        ['in the background', 'sleep 1000 &'],
        ['with nohup', 'nohup sleep 1000 >/dev/null 2>&1 &'],
        ['in a session of its own', 'setsid sleep 1000 >/dev/null 2>&1 &'],
        ['holding the output', 'setsid sleep 1000 &'],
        ['forked twice', '(setsid sh -c "sleep 1000 >/dev/null 2>&1 & sleep 1000" >/dev/null 2>&1 &)'],
        ['without the environment', 'env -i sleep 1000 & env -i setsid sleep 1000 &'],
        ['in great number', 'for i in $(seq 1 90); do setsid sleep 1000 >/dev/null 2>&1 & done'],
      ])('leaves no process that was started %s', async (_, command) => {
        const before = Date.now();
        expect(await run([command, 'echo done'])).toEqual({ exitCode: 0 });
        expect(printed()).toBe('done\n');
        expect(await alive(attemptId)).toBe(0);
        expect(Date.now() - before).toBeLessThan(5_000);
      });

      it('lets a job that is told to stop say goodbye', async () => {
        const trap = `trap 'echo goodbye; exit 7' TERM; echo ready; while true; do sleep 0.05; done`;
        const execution = await startAndWaitFor('ready', [trap]);
        execution.stop(10_000);
        expect(await execution.finished).toEqual({ exitCode: 7 });
        expect(printed()).toContain('goodbye');
        expect(await alive(attemptId)).toBe(0);
      });

      it('gives the children of a shell that ended at once the rest of the grace period', async () => {
        writeFileSync(
          join(root, 'workspace', 'child.sh'),
          `trap 'sleep 0.1; echo child done; exit' TERM; echo ready; while true; do sleep 0.02; done`,
        );
        const execution = await startAndWaitFor('ready', ['sh child.sh']);
        execution.stop(10_000);
        expect(diedOf(15)).toContainEqual(await execution.finished);
        expect(printed()).toContain('child done');
      });

      it('kills what ignores the request, also outside the group', async () => {
        const stubborn = `trap '' TERM; setsid sh -c "trap '' TERM; while true; do sleep 0.05; done" & `;
        const execution = await startAndWaitFor('ready', [`${stubborn} echo ready; while true; do sleep 0.05; done`]);
        execution.stop(100);
        execution.stop(60_000);
        expect(diedOf(9)).toContainEqual(await execution.finished);
        expect(await alive(attemptId)).toBe(0);
      });

      it('takes a request to stop after the end as no request', async () => {
        const execution = await start(['true']);
        expect(await execution.finished).toEqual({ exitCode: 0 });
        execution.stop(0);
        execution.stop(0);
      });
    });

    describe('sweeping', () => {
      it('kills all processes of an attempt and of no other', async () => {
        const mine = await startAndWaitFor('ready', ['setsid sleep 1000 & echo ready; sleep 1000']);
        const other = await start(['sleep 1000'], { attemptId: `${attemptId}0` });
        expect((await executor.sweep(attemptId)).killed).toBeGreaterThanOrEqual(2);
        expect(await alive(attemptId)).toBe(0);
        expect(diedOf(9)).toContainEqual(await mine.finished);
        expect(await alive(`${attemptId}0`)).toBeGreaterThan(0);
        other.stop(0);
        await other.finished;
      });

      it('finds nothing when nothing is left', async () => {
        expect(await executor.sweep(attemptId)).toEqual({ killed: 0 });
      });
    });
  });
