export { logFailures, type HandlingFailure } from './handling-failure.ts';
export { KeyLanes, type LaneWork } from './key-lanes.ts';
export { Progress, type Entry } from './progress.ts';
export {
  DEFAULT_RETRY,
  RECONNECT,
  Tries,
  persistently,
  throughOutages,
  type Failure,
  type Outage,
  type Persisted,
  type Retry,
} from './retry.ts';
