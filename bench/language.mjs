import { loadavg } from 'node:os';
import { compile, lint } from '@foldline/pipeline-language';
import { parseAllDocuments } from 'yaml';
import { figure, ms, percentile } from './lib/figures.mjs';

const FILE = '.codara-ci.yml';
/** A process is warm once it has done the same for so long, and so often: before that, the machine's code is still made. */
const WARM = { times: 4, ms: 2_000 };
const ROUNDS = { times: 5, ms: 200 };
const trigger = {
  ref: { name: 'main', kind: 'branch' },
  source: 'push',
  variables: {},
  project: { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' },
};

const times = (count, make) => Array.from({ length: count }, (_, index) => make(index)).join('');
const numbers = (count) => Array.from({ length: count }, (_, index) => index).join(', ');

/** What people write: a condition, a cache, artifacts, a few commands. Ten lines. */
const job = (name) => `${name}:
  stage: test
  variables: { LEVEL: "${name}" }
  script:
    - npm ci
    - npm test -- --shard "$LEVEL"
  artifacts: { paths: [out/${name}/], expire_in: 1 week }
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_TAG =~ /^v\\d+/
    - changes: [src/**/*, package.json]
`;
const jobs = (count, prefix = 'job') => times(count, (index) => job(`${prefix}-${index}`));
const copied = (count) =>
  times(count, (index) => `${job(`copied-${index}`)}  matrix: { LEFT: [${numbers(10)}], RIGHT: [${numbers(20)}] }\n`);

/** `each` jobs in each of so many files, for one file has room for fewer than a pipeline. */
const inFiles = (count, each) => {
  const files = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`ci/${index}.yml`, jobs(each, `file-${index}`)]),
  );
  const text = `include: [${Object.keys(files).join(', ')}]\n`;
  return { text, sources: { files } };
};

const longRule = (index) => `    - if: ${times(25, (part) => `$A${part} == "${index}" || `)}$B =~ /^${index}-\\d+/\n`;
const sharedRules = (count) =>
  `.shared:\n  rules:\n${times(99, longRule)}    - when: on_success\n` +
  times(count, (index) => `job-${index}: { extends: .shared, script: make }\n`);

/** Of the processor, which is what a definition may take so much of: others on the machine make it slower, not more. */
const spentMs = (since) => {
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
const warm = (once) => {
  repeated(once, WARM);
  return percentile(repeated(once, ROUNDS));
};

/** Of a lint and a plan; each time of what `make` gives. */
const costOfEach = (make) =>
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

const cost = (definition) => costOfEach(() => definition);

/** Of texts that no file was before. */
const costOfNew = (count) => {
  let texts = 0;
  return costOfEach(() => ({ text: jobs(count, `text-${(texts += 1)}`), expected: count }));
};

const libraryCost = (text) =>
  warm(() => {
    const since = process.cpuUsage();
    parseAllDocuments(text, { prettyErrors: false, uniqueKeys: false });
    return spentMs(since);
  });

const withLimit = (name, definition, limit) => {
  const took = cost(definition);
  figure(`lint and plan of ${name}`, ms(took), `<= ${limit} ms`, took <= limit);
  return took;
};

const withGrowth = (name, small, large) => {
  const growth = cost(large) / cost(small);
  figure(`ten times the jobs, ${name}`, `${growth.toFixed(1)} ×`, '<= 11 ×', growth <= 11);
};

/** The pipeline language alone: what a definition costs whoever asks for its plan. */
export const benchLanguage = async () => {
  const thousand = jobs(1_000);
  figure('load of the machine', loadavg()[0].toFixed(2));
  figure('the YAML library alone, 1,000 jobs written out', ms(libraryCost(thousand)), 'the floor of new texts');
  withLimit('20 jobs', { text: jobs(20), expected: 20 }, 5);
  figure('the same, of a new text each time', ms(costOfNew(20)), 'each is parsed');
  withLimit('5 jobs of 200 copies', { text: copied(5), expected: 1_000 }, 300);
  withLimit('1,000 jobs written out', { text: thousand, expected: 1_000 }, 300);
  figure('the same, of a new text each time', ms(costOfNew(1_000)), 'each is parsed');
  const included = inFiles(50, 2);
  const lines = `${included.text}${jobs(1_000)}`;
  withLimit('10,000 lines with 50 includes', { ...included, text: lines, expected: 1_100 }, 500);
  withLimit('400 jobs that share 100 long rules', { text: sharedRules(400), expected: 400 }, 500);
  withGrowth('as copies', { text: copied(5), expected: 1_000 }, { text: copied(50), expected: 10_000 });
  withGrowth('written out', { ...inFiles(1, 1_000), expected: 1_000 }, { ...inFiles(10, 1_000), expected: 10_000 });
};
