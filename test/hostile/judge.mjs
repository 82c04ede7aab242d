// Judges definitions one after the other in a thread of its own, so that one that never ends is noticed outside.
import { parentPort, workerData } from 'node:worker_threads';
import { hostileCase } from './lib/cases.mjs';
import { writtenDefinitions } from './lib/samples.mjs';
import { judge } from './lib/wrongs.mjs';

const { seed, from, count } = workerData;
const written = writtenDefinitions();
for (let number = from; number < from + count; number += 1) {
  const { kind, input } = hostileCase(seed, number, written);
  const { took, isPlanned, wrongs } = judge(input);
  parentPort.postMessage({ number, kind, took, isPlanned, wrongs });
}
