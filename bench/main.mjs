import { benchAppend } from './append.mjs';
import { benchJobs, benchPeer } from './jobs.mjs';
import { benchLatency } from './latency.mjs';
import { figure, summary } from './lib/figures.mjs';
import { benchStart } from './start.mjs';

const parts = {
  append: benchAppend,
  start: benchStart,
  latency: benchLatency,
  peer: benchPeer,
  jobs: benchJobs,
};

const wanted = process.argv.slice(2).filter((name) => name in parts);
const sizes = process.argv.slice(2).map(Number).filter(Number.isInteger);
for (const [name, bench] of Object.entries(parts)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  console.log(`\n${name}`);
  await bench(name === 'jobs' && sizes.length > 0 ? sizes : undefined).catch((error) =>
    figure(name, 'failed', String(error.message), false),
  );
}
process.exitCode = summary() > 0 ? 1 : 0;
