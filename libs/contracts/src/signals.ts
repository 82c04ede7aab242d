import { z } from 'zod';
import { count, runnerOffer, text } from './events/shared.schemas.ts';

/** Topics of signals between scheduler and runners: not history, at most once, to whoever listens. */
export const RUNNER_SIGNAL = {
  /** A runner says that it is there and what it offers: `RunnerHello`. */
  hello: 'runner.hello',
  /** A runner was stopped in order, and nothing that it ran is alive: `RunnerGoodbye`. */
  goodbye: 'runner.goodbye',
  /** The scheduler that leads has heard a hello: `RunnerRenewed`. */
  renewed: 'runner.renewed',
  /** The scheduler asks every runner to say hello. */
  whoIsThere: 'runner.who-is-there',
  /** A scheduler that leads says this to itself, to know that it would hear a runner: `SchedulerEcho`. */
  echo: 'scheduler.echo',
} as const;

/**
 * `epoch` names one uninterrupted lease of one process, `number` the hello within it. `alone` says that no other process
 * of this runner can be alive, so that what an earlier one was given is still to be done.
 */
export const runnerHello = z.object({
  runnerId: text,
  epoch: text,
  number: count,
  alone: z.boolean(),
  offer: runnerOffer,
  /** Nothing is begun any more, under this epoch or one before it, that has not been begun. */
  draining: z.boolean().optional(),
});
export type RunnerHello = z.infer<typeof runnerHello>;

export const runnerGoodbye = z.object({ runnerId: text, epoch: text });
export type RunnerGoodbye = z.infer<typeof runnerGoodbye>;

export const runnerRenewed = z.object({ runnerId: text, epoch: text, helloNumber: count });
export type RunnerRenewed = z.infer<typeof runnerRenewed>;

/** `sentAt` is monotonic time of the scheduler that says it, and means nothing to others. */
export const schedulerEcho = z.object({ scheduler: text, sentAt: z.number() });
export type SchedulerEcho = z.infer<typeof schedulerEcho>;

/** All in milliseconds of monotonic time. */
export type LeaseTerms = {
  /** A runner that the scheduler has not heard of for so long is lost. */
  leaseMs: number;
  /** So much before the scheduler could count it as lost, a runner that hears no answers stops what it does. */
  marginMs: number;
  /** Between the record that a runner is lost and its jobs being given to others. */
  graceMs: number;
  /** How long it is good to have read in the log that the runner is not lost; shorter than the grace. */
  readGoodMs: number;
  helloMs: number;
  /** How often a runner reads in the log that it is not lost while no answers come. */
  lookMs: number;
  /** A runner that was not heard of for so long gets no new jobs. */
  suspectMs: number;
  /** How often the scheduler looks whom it has not heard of. */
  watchMs: number;
};

const LONGEST_MARGIN_MS = 15_000;
const between = (least: number, value: number, most: number): number => Math.min(Math.max(value, least), most);

/** What scheduler and runner must agree on follows from the length of a lease alone. */
export const leaseTerms = (leaseMs: number): LeaseTerms => {
  const marginMs = Math.min(LONGEST_MARGIN_MS, leaseMs / 4);
  return {
    leaseMs,
    marginMs,
    graceMs: marginMs,
    readGoodMs: marginMs / 2,
    helloMs: between(300, leaseMs / 18, 10_000),
    lookMs: marginMs / 4,
    suspectMs: leaseMs / 4,
    watchMs: between(100, leaseMs / 36, 5_000),
  };
};
