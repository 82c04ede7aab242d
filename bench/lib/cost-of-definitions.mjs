import { compile, lint } from '@foldline/pipeline-language';
import { percentile } from './figures.mjs';

const FILE = '.codara-ci.yml';
/** A process is warm once it has done the same for so long, and so often: before that, the machine's code is still made. */
const WARM = { times: 4, ms: 2_000 };
const ROUNDS = { times: 9, ms: 1_000 };
const trigger = {
  ref: { name: 'main', kind: 'branch' },
  source: 'push',
  variables: {},
  project: { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' },
};

/** Of the processor, which is what a definition may take so much of: others on the machine make it slower, not more. */
export const spentMs = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

/** Answers of a work that is done at least so often and for so long. */
const repeated = (work, { times: least, ms: milliseconds }) => {
  const answers = [];
  for (const end = performance.now() + milliseconds; answers.length < least || performance.now() < end;)
    answers.push(work());
  return answers;
};

/** Milliseconds in the middle of several times, in a process that has done it before. */
export const warm = (once) => {
  repeated(once, WARM);
  return percentile(repeated(once, ROUNDS));
};

/** Of a lint and a plan; each time of what `make` gives. */
export const costOfEach = (make) =>
  warm(() => {
    const { text, sources, expected } = make();
    const since = process.cpuUsage();
    const problems = lint(FILE, text, sources);
    const result = compile({ file: FILE, text, trigger, sources });
    const took = spentMs(since);
    const refused = [...problems, ...(result.problems ?? [])].find(({ severity }) => severity === 'error');
    if (refused) throw new Error(`refused: ${JSON.stringify(refused)}`);
    if (result.plan.jobs.length !== expected) throw new Error(`${result.plan.jobs.length} jobs, not ${expected}`);
    return took;
  });

export const cost = (definition) => costOfEach(() => definition);

/**
 * Of the same plan as text and back, which is linear work: a machine takes more than ten times as long for ten times as
 * much, for it is no longer in the processor's caches.
 */
export const jsonCost = ({ text, sources }) => {
  const { plan } = compile({ file: FILE, text, trigger, sources });
  return warm(() => {
    const since = process.cpuUsage();
    JSON.parse(JSON.stringify(plan));
    return spentMs(since);
  });
};
