// What one decision of the scheduler costs in small and large pipelines: `node bench/scheduler.mjs`.
import { pipelineDecider } from '../apps/scheduler/dist/pipeline/pipeline.decider.js';

const SIZES = [10, 1_000, 10_000];
const ROUNDS = 3;
/** Jobs decided per round, so that small pipelines are timed as long as large ones. */
const JOBS = 10_000;

const pipelineId = 'bench';
const context = { pipelineId, project: { id: 'p', owner: 'o', name: 'n' }, ref: { name: 'main' }, sha: 'a'.repeat(40) };
const cluster = { id: 'local', power: 'low-power' };
const artifacts = { paths: ['out'], exclude: [], when: 'on_success', reports: [] };
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];

const planned = (index, more) => ({
  index,
  name: `job ${index}`,
  definition: 'job',
  stage: 'first',
  waitsFor: 'stages',
  artifactsFrom: 'earlier-stages',
  when: 'on_success',
  allowFailure: false,
  runner: {},
  services: [],
  variables: {},
  secrets: {},
  steps: [{ name: 'script', kind: 'shell', commands: ['true'] }],
  cache: [],
  retry: { max: 0, when: ['always'] },
  timeoutSeconds: 3600,
  interruptible: false,
  priority: 5,
  ...more,
});

const SHAPES = {
  'one stage': () => ({}),
  'two stages': (index, size) => ({ stage: index < size / 2 ? 'first' : 'last' }),
  'two stages, 10 artifacts': (index, size) => ({
    stage: index < size / 2 ? 'first' : 'last',
    ...(index < Math.min(10, size / 2) ? { artifacts } : {}),
  }),
  'one chain of needs': (index) => ({
    waitsFor: index === 0 ? [] : [{ job: index - 1, artifacts: false }],
    artifactsFrom: [],
  }),
  'a stage for each job': (index) => ({ stage: `stage ${index}` }),
  'a stage for each job, the first fails': (index) => ({
    stage: `stage ${index}`,
    when: index === 0 ? 'on_success' : 'always',
  }),
  'half fails, is retried': (index, size) => ({
    stage: index < size / 2 ? 'first' : 'last',
    allowFailure: true,
    retry: { max: 1, when: ['always'] },
  }),
};

const FAILS = {
  'a stage for each job, the first fails': (decided) => decided === 0,
  'half fails, is retried': (decided, attempt) => attempt === 1 && decided % 2 === 0,
};

const planOf = (shape, size) => {
  const jobs = Array.from({ length: size }, (_, index) => planned(index, SHAPES[shape](index, size)));
  const stages = [...new Set(jobs.map(({ stage }) => stage))];
  return { version: 1, file: 'f', stages, variables: {}, jobs, warnings: [], decisions: [] };
};

/** Runs a pipeline to its end; microseconds for each assignment with its result. */
const runPipeline = (plan, fails) => {
  const state = pipelineDecider.initialState();
  const queue = [];
  const decide = (command) => {
    for (const event of pipelineDecider.decide(command, state)) if (event.type === 'JobQueued') queue.push(event.data);
  };
  decide({ type: 'StartPipeline', context, plan });
  const since = performance.now();
  let decided = 0;
  for (; decided < queue.length; decided += 1) {
    const { jobId, attempt } = queue[decided];
    const outcome = fails(decided, attempt) ? 'failed' : 'success';
    decide({ type: 'AssignJob', jobId, attempt, runnerId: 'r', cluster, detail: '' });
    decide({ type: 'FinishAttempt', jobId, attempt, outcome, commits: [] });
  }
  const took = ((performance.now() - since) * 1000) / decided;
  if (state.phase !== 'finished') throw new Error(`the pipeline did not finish: ${state.open} jobs are open`);
  return took;
};

const report = (title, costs) => {
  const columns = costs.map((cost) => `${cost.toFixed(2)} µs`.padStart(10)).join(' ');
  console.log(`${title.padEnd(40)} ${columns}   × ${(costs.at(-1) / costs[0]).toFixed(2)}`);
};
const measure = (once) => {
  once();
  return median(Array.from({ length: ROUNDS }, once));
};

console.log(`${''.padEnd(40)} ${SIZES.map((size) => String(size).padStart(10)).join(' ')}   largest : smallest`);
for (const shape of Object.keys(SHAPES)) {
  const costs = SIZES.map((size) => {
    const plan = planOf(shape, size);
    return measure(() => {
      const runs = Array.from({ length: JOBS / size }, () => runPipeline(plan, FAILS[shape] ?? (() => false)));
      return runs.reduce((sum, cost) => sum + cost, 0) / runs.length;
    });
  });
  report(shape, costs);
}
