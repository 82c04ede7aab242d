import { StepFinished } from '@foldline/contracts';
import type { Clock } from '@foldline/kernel';
import type { StepResult } from './job-endings.ts';
import type { JobScene } from './job-scene.ts';

/** `at`: which of the plan's steps it is. */
type Step = { name: string; at?: number; run: () => Promise<StepResult> };

/** The steps of one attempt in their order; each is recorded when it has ended, with the time that it took. */
export class JobSteps {
  private count = 0;

  constructor(
    private readonly scene: Pick<JobScene, 'about' | 'record' | 'markLog'>,
    private readonly clock: Clock,
  ) {}

  async run({ name, at, run }: Step): Promise<StepResult> {
    const index = this.count++;
    const began = this.clock.monotonic();
    // To ask where the log is ends what the masker holds back, so it is asked only where somebody reads the answer.
    const start = at === undefined ? 0 : this.scene.markLog();
    const result = await run();
    const durationMs = Math.round(this.clock.monotonic() - began);
    const planned = at === undefined ? {} : { step: at, log: { start, end: this.scene.markLog() } };
    this.scene.record(StepFinished({ ...this.scene.about, index, name, durationMs, ...planned, ...result }));
    return result;
  }

  /** One of the plan's steps that is not carried out. */
  skip(name: string, at: number): void {
    const index = this.count++;
    this.scene.record(StepFinished({ ...this.scene.about, index, name, step: at, durationMs: 0, outcome: 'skipped' }));
  }

  /** One that an earlier attempt has carried out. */
  resumed(name: string, at: number, from: number): void {
    const index = this.count++;
    const done = { durationMs: 0, outcome: 'success', exitCode: 0, resumedFrom: from } as const;
    this.scene.record(StepFinished({ ...this.scene.about, index, name, step: at, ...done }));
  }

  /** A step that the system does itself, where there is anything to do. */
  async own<Value>(name: string, needed: boolean, work: () => Promise<Value>): Promise<Value | undefined> {
    if (!needed) return undefined;
    let value: Value | undefined;
    await this.run({
      name,
      run: async () => {
        value = await work();
        return { outcome: 'success' };
      },
    });
    return value;
  }
}
