/** Why a job is ended before it has ended by itself. */
export type StopReason = 'cancelled' | 'timed_out' | 'shutdown' | 'lease_lost';
/** Others may do the job by now, so nothing of it is finished in order. */
export const atOnce = (reason: StopReason | undefined): boolean => reason === 'shutdown' || reason === 'lease_lost';
/** The first reason counts, except that a runner without a lease has no time for any other. */
export const overrides = (reason: StopReason, before: StopReason | undefined): boolean =>
  before === undefined || reason === 'lease_lost';

/** SIGTERM first, SIGKILL after this. */
export const GRACE_MS = 10_000;
export const graceOf = (reason: StopReason): number => (reason === 'lease_lost' ? 0 : GRACE_MS);
