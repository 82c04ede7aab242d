export { KeyLanes, type Failure, type LaneWork } from './key-lanes.ts';
export { Progress, type Entry } from './progress.ts';
export { DEFAULT_RETRY, RECONNECT, Tries, throughOutages, type Outage, type Retry } from './retry.ts';
