import { TransientError, idsOf, type Logger } from '@foldline/kernel';
import type { Failure } from './retry.ts';

/** An event that a group could not handle. `event` may be a reference, without its data. */
export type HandlingFailure = Failure & { group: string; key: string; event: Parameters<typeof idsOf>[0] };

/** A plain "not now" is no defect: where in the program it was said would only hide the other lines. */
const saying = (error: unknown): { reason: string } | { err: unknown } =>
  error instanceof TransientError && error.cause === undefined ? { reason: error.message } : { err: error };

/**
 * Writes a line for each try that failed: a warning where another follows, an error where the event is parked, with how
 * to see it.
 */
export const logFailures =
  (logger: Logger) =>
  ({ group, key, event, error, tries, attempts, retryMs }: HandlingFailure): void => {
    const fields = { service: group.split('.')[0], ...idsOf(event), group, key, ...saying(error) };
    if (retryMs !== undefined) {
      logger.warn(
        { ...fields, tries, retryMs: Math.round(retryMs) },
        'an event could not be handled; it is tried again',
      );
      return;
    }
    logger.error(
      {
        ...fields,
        attempts,
        see: 'GET /api/v1/parked (foldline parked ls)',
        mend: 'POST /api/v1/parked/replay (foldline parked replay)',
      },
      'an event could not be handled; it is parked, with what comes behind it under its key',
    );
  };
