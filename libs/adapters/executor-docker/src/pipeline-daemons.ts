import type { PipelineDaemon } from './pipeline-daemon.ts';

/** A daemon without a job takes memory of its host, and its disk. */
const IDLE_AT_MOST = 4;

type Kept<Daemon> = {
  pipelineId: string;
  starting: Promise<Daemon>;
  users: number;
  /** An earlier one of the pipeline has ended by itself, with all that jobs had made in it. */
  isReplacement: boolean;
  hasStarted?: true;
  isRetired?: true;
  ending?: NodeJS.Timeout;
};

/** A daemon that stays for as long as it is not released. */
export type Lease<Daemon = PipelineDaemon> = { daemon: Daemon; isReplacement: boolean; release: () => void };

type Living = Pick<PipelineDaemon, 'isRunning' | 'end'>;

/** The daemons of pipelines: one for each, from the first job that asks for it until a while after the last that uses it. */
export class PipelineDaemons<Daemon extends Living = PipelineDaemon> {
  readonly #kept = new Map<string, Kept<Daemon>>();
  readonly #all = new Set<Kept<Daemon>>();
  /** Those without a job; the one that has been for longest comes first. */
  readonly #idle = new Set<Kept<Daemon>>();
  /** The pipelines whose daemon has ended by itself, and that have no other yet. */
  readonly #bereft = new Set<string>();
  readonly #going = new Set<Promise<void>>();
  #isClosed = false;

  constructor(private readonly idleMs: number) {}

  /** That of the pipeline, or a new one where there is none that runs. */
  async take(pipelineId: string, start: () => Promise<Daemon>): Promise<Lease<Daemon>> {
    const kept = this.#kept.get(pipelineId);
    const running = kept && (await this.#running(kept));
    return running ?? this.#lease(this.#kept.get(pipelineId) ?? this.#begin(pipelineId, start));
  }

  /** That of the pipeline, if it has one that runs. Nobody has made anything yet with one that is about to. */
  async find(pipelineId: string): Promise<Lease<Daemon> | undefined> {
    const kept = this.#kept.get(pipelineId);
    return kept?.hasStarted ? this.#running(kept) : undefined;
  }

  /** Resolves when nothing is left of any. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const kept of this.#all) this.#end(kept);
    while (this.#going.size > 0) await Promise.all(this.#going);
  }

  /** One that has ended makes room for another as soon as nobody has it any more. */
  async #running(kept: Kept<Daemon>): Promise<Lease<Daemon> | undefined> {
    const lease = await this.#lease(kept);
    try {
      if (await lease.daemon.isRunning()) return lease;
    } catch (error) {
      lease.release();
      throw error;
    }
    if (this.#kept.get(kept.pipelineId) === kept) this.#bereft.add(kept.pipelineId);
    this.#retire(kept);
    lease.release();
    return undefined;
  }

  #begin(pipelineId: string, start: () => Promise<Daemon>): Kept<Daemon> {
    const kept: Kept<Daemon> = {
      pipelineId,
      starting: start(),
      users: 0,
      isReplacement: this.#bereft.has(pipelineId),
    };
    this.#kept.set(pipelineId, kept);
    this.#all.add(kept);
    kept.starting.then(
      () => {
        kept.hasStarted = true;
        this.#bereft.delete(pipelineId);
      },
      () => {
        // The next job that asks tries anew.
        this.#retire(kept);
        this.#all.delete(kept);
      },
    );
    return kept;
  }

  async #lease(kept: Kept<Daemon>): Promise<Lease<Daemon>> {
    kept.users += 1;
    this.#idle.delete(kept);
    clearTimeout(kept.ending);
    const daemon = await kept.starting;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      kept.users -= 1;
      if (kept.users === 0) this.#rest(kept);
    };
    return { daemon, isReplacement: kept.isReplacement, release };
  }

  /** Until it has rested for too long, or too many others rest. */
  #rest(kept: Kept<Daemon>): void {
    if (kept.isRetired || this.#isClosed) return this.#end(kept);
    kept.ending = setTimeout(() => this.#over(kept), this.idleMs).unref();
    this.#idle.add(kept);
    if (this.#idle.size > IDLE_AT_MOST) this.#over([...this.#idle][0]!);
  }

  #over(kept: Kept<Daemon>): void {
    this.#idle.delete(kept);
    this.#retire(kept);
    this.#end(kept);
  }

  #retire(kept: Kept<Daemon>): void {
    kept.isRetired = true;
    if (this.#kept.get(kept.pipelineId) === kept) this.#kept.delete(kept.pipelineId);
  }

  /** While the runner's daemon does not answer it is tried again; after that it is found at the next start. */
  #end(kept: Kept<Daemon>): void {
    clearTimeout(kept.ending);
    const ended = kept.starting
      .then((daemon) => daemon.end())
      .then(
        () => void this.#all.delete(kept),
        () => {
          if (!this.#isClosed) kept.ending = setTimeout(() => this.#end(kept), this.idleMs).unref();
        },
      );
    this.#going.add(ended);
    void ended.finally(() => this.#going.delete(ended));
  }
}
