import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('inside/commands.mjs', import.meta.url));

/** `foldline`, called one time after another in a process that is started once: starting takes longer than most calls. */
export class CommandLine {
  private readonly child: ChildProcess = fork(PROGRAM, { execArgv: [] });
  private readonly gone = once(this.child, 'exit');

  async call(...args: string[]): Promise<{ code: number; stdout: string }> {
    const ended = this.gone.then((): never => {
      throw new Error(`\`foldline ${args.join(' ')}\` ended its process; why stands above`);
    });
    this.child.send(args);
    const [answer] = (await Promise.race([once(this.child, 'message'), ended])) as [{ code: number; stdout: string }];
    return answer;
  }

  async stop(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.gone;
  }
}
