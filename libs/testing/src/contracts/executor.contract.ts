import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { PermanentError, type ExecutionResult } from '@foldline/kernel';
import { attemptsOf, diedOf, echoOf, type ExecutorFixture } from './executor-attempts.ts';
import { executorEndings } from './executor-endings.contract.ts';

/** What every executor must do; runs against each adapter. */
export const executorContract = (name: string, open: () => ExecutorFixture): void =>
  describe(`the executor ${name}`, () => {
    const fixture = open();
    const { alive } = fixture;
    const attempts = attemptsOf(fixture);
    const { closeAll, nextWorkspace, open: openSite, start, run, text, printed } = attempts;

    describe('running commands', () => {
      it('runs them in order in one shell, in the working directory', async () => {
        const result = await run(['mkdir sub', 'cd sub', 'export NAME=value', 'echo "$NAME in ${PWD##*/}" > out']);
        expect(result).toEqual({ exitCode: 0 });
        await closeAll();
        expect(readFileSync(join(attempts.root, 'workspace', 'sub', 'out'), 'utf8')).toBe('value in sub\n');
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

      it('lends the workspace between two steps, and goes on in what was made of it', async () => {
        const workspace = nextWorkspace();
        const site = await openSite({ workspace });
        const onOutput = (): void => undefined;
        const carriedOut = async (command: string): Promise<ExecutionResult> =>
          (await site.start({ commands: [command], environment: {}, onOutput })).finished;
        await carriedOut('echo first > made');
        const refused = await site.lend(async () => {
          expect(readFileSync(join(workspace, 'made'), 'utf8')).toBe('first\n');
          appendFileSync(join(workspace, 'made'), 'meanwhile\n');
        });
        expect(refused).toBeUndefined();
        expect(await carriedOut('grep -q meanwhile made')).toMatchObject({ exitCode: 0 });
      });

      it('gives the workspace to the next step when nobody could use it', async () => {
        const site = await openSite();
        const failing = site.lend(() => Promise.reject(new Error('no space left')));
        await expect(failing).rejects.toThrow('no space left');
        const { finished } = await site.start({ commands: ['touch made'], environment: {}, onOutput: () => undefined });
        expect(await finished).toMatchObject({ exitCode: 0 });
      });

      it('tells what each step used, and what it waited for', async () => {
        expect(await run(["sh -c 'i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done'"])).toEqual({ exitCode: 0 });
        const { cpuMs } = attempts.used!;
        expect(cpuMs).toBeGreaterThan(50);
        await run(['dd if=/dev/zero of=written bs=1024 count=2048 conv=fsync 2>/dev/null']);
        const { writtenBytes = 2 * 1024 * 1024, ...second } = attempts.used!;
        expect(writtenBytes).toBeGreaterThanOrEqual(2 * 1024 * 1024);
        await run(['true']);
        expect(attempts.used!.cpuMs).toBeLessThan(cpuMs);
        expect(second.peakMemoryBytes ?? 1).toBeGreaterThan(0);
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
        expect(await alive(attempts.id)).toBe(0);
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
        await expect(start(['true'], { workspace: join(attempts.root, 'none') })).rejects.toThrow(PermanentError);
        expect(await alive(attempts.id)).toBe(0);
      });

      it('runs many jobs at once without mixing them', async () => {
        const results = await Promise.all(
          Array.from({ length: 24 }, async (_, n) => {
            const chunks: Buffer[] = [];
            const onOutput = (chunk: Buffer): void => void chunks.push(chunk);
            const id = `${attempts.id}.${n}`;
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

    executorEndings(fixture, attempts);
  });
