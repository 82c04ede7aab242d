import { BatchQueue, abandonPacking, packBatches, type Batch, type PackedFile, type Packing } from '@foldline/squashfs';
import { Worker, parentPort } from 'node:worker_threads';
import { areFew, beginComparing, changedEntries, type Comparing, type EntriesToCompare } from './compare-entries.ts';
import { writeFiles, type FilesToWrite, type Written } from './write-files.ts';

/** What two threads do together: both take the next piece of work until none is left. */
type Work =
  { kind: 'pack'; packing: Packing } | { kind: 'write'; files: FilesToWrite } | { kind: 'compare'; entries: Comparing };
type Done = (PackedFile | Written | string)[];
/** What is to be packed comes while it is looked for. */
type Found = { kind: 'found'; batch: Batch } | { kind: 'all' };
type Reply = { done: Done } | { error: { message: string; code: string | undefined } };

export const HELPER = 'helper';

/** The second thread, which is told what to do by the first. */
export const help = (): void => {
  let batches = new BatchQueue();
  const workOn = async (work: Work): Promise<Done> => {
    if (work.kind === 'pack') return packBatches(work.packing, (batches = new BatchQueue()));
    return work.kind === 'write' ? writeFiles(work.files) : changedEntries(work.entries);
  };
  parentPort!.on('message', async (told: Work | Found) => {
    if (told.kind === 'found') return batches.add(told.batch);
    if (told.kind === 'all') return batches.end();
    try {
      parentPort!.postMessage({ done: await workOn(told) } satisfies Reply);
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

  /** Packs what `find` gives; the second thread does so while this one is still looking. */
  async pack<Result>(
    packing: Packing,
    find: (give: (batch: Batch) => void) => Result,
  ): Promise<{ found: Result; packed: PackedFile[] }> {
    const batches = new BatchQueue();
    const own = async (): Promise<{ found: Result; packed: PackedFile[] }> => {
      try {
        const found = find((batch) => {
          batches.add(batch);
          this.tell({ kind: 'found', batch });
        });
        this.tell({ kind: 'all' });
        batches.end();
        return { found, packed: await packBatches(packing, batches) };
      } catch (error) {
        abandonPacking(packing);
        this.tell({ kind: 'all' });
        throw error;
      }
    };
    const [{ found, packed }, helped] = await this.together({ kind: 'pack', packing }, own);
    return { found, packed: [...packed, ...(helped as PackedFile[])] };
  }

  async write(files: FilesToWrite): Promise<Written[]> {
    const [own, helped] = await this.together({ kind: 'write', files }, async () => writeFiles(files));
    return [...own, ...(helped as Written[])];
  }

  /** Paths of which something else or nothing is there now. */
  async compare(toCompare: EntriesToCompare): Promise<string[]> {
    const entries = beginComparing(toCompare);
    if (areFew(entries)) return changedEntries(entries);
    const [own, helped] = await this.together({ kind: 'compare', entries }, async () => changedEntries(entries));
    return [...own, ...(helped as string[])];
  }

  /** Throws when either could not do its part, and not before both have ended. */
  private async together<Result>(work: Work, own: () => Promise<Result>): Promise<[Result, Done]> {
    const helped = this.ask(work);
    // What goes wrong there is seen when it is awaited, also when this thread's own part fails first.
    helped.catch(() => undefined);
    let result: Result;
    try {
      result = await own();
    } finally {
      await helped.catch(() => undefined);
    }
    return [result, await helped];
  }

  private tell(found: Found): void {
    this.helper?.postMessage(found);
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
