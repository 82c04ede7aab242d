import { packBatches, type PackedFile, type Packing } from '@foldline/squashfs';
import { Worker, parentPort } from 'node:worker_threads';
import { writeFiles, type FilesToWrite, type Written } from './write-files.ts';

/** What two threads do together: both take the next piece of work until none is left. */
type Work = { kind: 'pack'; packing: Packing } | { kind: 'write'; files: FilesToWrite };
type Done = (PackedFile | Written)[];
type Reply = { done: Done } | { error: { message: string; code: string | undefined } };

export const HELPER = 'helper';

const workOn = async (work: Work): Promise<Done> =>
  work.kind === 'pack' ? packBatches(work.packing) : writeFiles(work.files);

/** The second thread, which is told what to do by the first. */
export const help = (): void => {
  parentPort!.on('message', async (work: Work) => {
    try {
      parentPort!.postMessage({ done: await workOn(work) } satisfies Reply);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      parentPort!.postMessage({ error: { code, message } } satisfies Reply);
    }
  });
};

/** This thread and a second one, which is started when it is first needed. */
export class TwoThreads {
  private helper: Worker | undefined;

  constructor(private readonly path: string) {}

  pack(packing: Packing): Promise<PackedFile[]> {
    return this.together({ kind: 'pack', packing }) as Promise<PackedFile[]>;
  }

  write(files: FilesToWrite): Promise<Written[]> {
    return this.together({ kind: 'write', files }) as Promise<Written[]>;
  }

  /** Throws when either could not do its part, and not before both have ended. */
  private async together(work: Work): Promise<Done> {
    const helped = this.ask(work);
    // What goes wrong there is seen when it is awaited, also when this thread's own part fails first.
    helped.catch(() => undefined);
    let own: Done;
    try {
      own = await workOn(work);
    } finally {
      await helped.catch(() => undefined);
    }
    return [...own, ...(await helped)];
  }

  private ask(work: Work): Promise<Done> {
    const helper = (this.helper ??= new Worker(this.path, { workerData: HELPER }));
    return new Promise((resolve, reject) => {
      const lost = (error: Error): void => {
        this.helper = undefined;
        reject(error);
      };
      const ended = (): void => lost(new Error('the second thread has ended'));
      helper.once('error', lost);
      helper.once('exit', ended);
      helper.once('message', (reply: Reply) => {
        helper.off('error', lost);
        helper.off('exit', ended);
        if ('done' in reply) resolve(reply.done);
        else reject(Object.assign(new Error(reply.error.message), reply.error));
      });
      helper.postMessage(work);
    });
  }
}
