// How fast waiting jobs are given to runners, and what a longer queue changes: `npm run bench -- queue`.
import { jobIdOf } from '@foldline/contracts';
import { Dispatcher } from '../apps/scheduler/dist/dispatch/dispatcher.js';
import { figure } from './lib/figures.mjs';
import { benchQueuePicture } from './queue-picture.mjs';

const QUEUES = [1_000, 10_000];
const RUNNERS = 1_000;
const PROJECTS = 100;
const KINDS = [10, 1];
const ASSIGNMENTS = 5_000;
const ROUNDS = 3;

const cluster = { id: 'local', power: 'low-power' };
const offer = { cluster, cpu: 64, memoryBytes: 0, diskBytes: 0, slots: 4, executors: ['process'] };
const waiting = (index, kinds) => ({
  jobId: jobIdOf('bench', index),
  pipelineId: 'bench',
  projectId: `project-${index % PROJECTS}`,
  attempt: 1,
  priority: index % 11,
  queuedAt: index,
  position: index,
  requirements: { cpu: 1 + (index % kinds) },
  highPowerAllowed: false,
  interruptible: false,
});

/** Assignments in a second when each job that ends is followed by another one, and so many wait all the time. */
const assignmentsPerSecond = (queued, kinds) => {
  const dispatcher = new Dispatcher();
  for (let index = 0; index < RUNNERS; index += 1) dispatcher.registerRunner(`runner-${index}`, offer);
  const running = [];
  const fill = () => {
    for (let step = dispatcher.next(); step; step = dispatcher.next()) {
      if (step.kind !== 'assign') continue;
      dispatcher.assigned(step.job, step.runnerId);
      running.push(step.job);
    }
  };
  let index = 0;
  while (dispatcher.waiting < queued) {
    dispatcher.queued(waiting(index++, kinds));
    if (index % 1_000 === 0) fill();
  }
  fill();
  const since = performance.now();
  for (let done = 0; done < ASSIGNMENTS; done += 1) {
    const { jobId, attempt } = running.shift();
    dispatcher.released(jobId, attempt);
    dispatcher.queued(waiting(index++, kinds));
    fill();
  }
  return ASSIGNMENTS / ((performance.now() - since) / 1000);
};

const best = (queued, kinds) => Math.max(...Array.from({ length: ROUNDS }, () => assignmentsPerSecond(queued, kinds)));

const inSeconds = (rate) => `${Math.round(rate).toLocaleString('en')}/s`;

export const benchQueue = async () => {
  for (const kinds of KINDS) {
    const [few, many] = QUEUES.map((queued) => best(queued, kinds));
    const jobs = kinds === 1 ? 'jobs of one kind' : `jobs of ${kinds} kinds`;
    figure(`assignments to ${RUNNERS} runners, ${QUEUES[0]} ${jobs} wait`, inSeconds(few), '');
    figure(`the same, ${QUEUES[1]} wait`, inSeconds(many), '>= 2,000/s', many >= 2_000);
    const ratio = few / many;
    figure('what one costs there, compared', `${ratio.toFixed(2)} x`, '<= 1.5 x', ratio <= 1.5);
  }
  await benchQueuePicture();
};
