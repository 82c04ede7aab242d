import { loadavg } from 'node:os';
import { parseArgs, isDeepStrictEqual } from 'node:util';
import { Worker } from 'node:worker_threads';
import { DefinitionCompiler, notLookedUp } from '@foldline/pipeline-language';
import { percentile } from '../faults/lib/percentile.mjs';
import { hostileCase } from './lib/cases.mjs';
import { writtenDefinitions } from './lib/samples.mjs';
import { judge, wrongsOfAnswer } from './lib/wrongs.mjs';

/**
 * Compiles and lints definitions that are broken on purpose, and checks every answer.
 * `--count 20000 --seed 1 --from 0 --children 200 --p99 300`; `--from N --count 1` is one of them alone, which is shown.
 */
const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    from: { type: 'string', default: '0' },
    children: { type: 'string', default: '200' },
    p99: { type: 'string', default: '300' },
  },
});
const [COUNT, FROM, CHILDREN] = [values.count, values.from, values.children].map(Number);
const MOST_P99_MS = Number(values.p99);
const HANGS_MS = 30_000;
const SHOWN = 20;
const say = (text) => process.stdout.write(`${text}\n`);

const judgedInAThread = () =>
  new Promise((resolve, reject) => {
    const verdicts = [];
    const workerData = { seed: values.seed, from: FROM, count: COUNT };
    const worker = new Worker(new URL('judge.mjs', import.meta.url), { workerData });
    const end = () => {
      const wrongs = [`no answer within ${HANGS_MS} ms`];
      verdicts.push({ number: FROM + verdicts.length, kind: 'hangs', took: HANGS_MS, isPlanned: false, wrongs });
      void worker.terminate();
    };
    let watch = setTimeout(end, HANGS_MS);
    worker.on('message', (verdict) => {
      verdicts.push(verdict);
      clearTimeout(watch);
      watch = setTimeout(end, HANGS_MS);
    });
    worker.on('error', reject);
    worker.on('exit', () => {
      clearTimeout(watch);
      resolve(verdicts);
    });
  });

/** The same answers as a server gets them, from a child process that may be ended. */
const comparedWithChild = async (written) => {
  const compiler = new DefinitionCompiler();
  const wrongs = [];
  const step = Math.max(1, Math.floor(COUNT / CHILDREN));
  let asked = 0;
  for (let number = FROM; number < FROM + COUNT && asked < CHILDREN; number += step) {
    const { input } = hostileCase(values.seed, number, written);
    const { files, paths, changes } = input.sources;
    const look = {
      file: async (path) => (Object.hasOwn(files, path) ? files[path] : undefined),
      paths: async () => paths,
      changes: async (since) => (Object.hasOwn(changes, since) ? changes[since] : null),
      elsewhere: async (location) => notLookedUp(location),
    };
    const { sources: _known, ...question } = input;
    const answer = await compiler.compile(question, look);
    asked += 1;
    const told = wrongsOfAnswer(answer, input);
    const isStopped = answer.problems?.[0]?.code === 'definition-too-complex';
    if (!isStopped && !isDeepStrictEqual(answer, JSON.parse(JSON.stringify(judge(input).answer))))
      told.push('the child answers something else');
    wrongs.push(...told.map((wrong) => `${number} in a child: ${wrong}`));
  }
  // It keeps no process alive, so nothing would wait for it.
  void compiler.close();
  return { asked, wrongs };
};

const written = writtenDefinitions();
if (COUNT === 1) {
  const { kind, input } = hostileCase(values.seed, FROM, written);
  say(`${kind}\n${JSON.stringify(input.trigger)}\n${input.text}\n${JSON.stringify(judge(input), null, 2)}`);
}
const verdicts = await judgedInAThread();
const child = await comparedWithChild(written);
const times = verdicts.map(({ took }) => took);
const slowest = verdicts.toSorted((a, b) => b.took - a.took)[0];
const p99 = percentile(times, 0.99);
const wrongs = [
  ...verdicts.flatMap(({ number, kind, wrongs: told }) => told.map((wrong) => `${number} (${kind}): ${wrong}`)),
  ...child.wrongs,
  ...(p99 > MOST_P99_MS ? [`one in a hundred takes more than ${MOST_P99_MS} ms`] : []),
];
const planned = verdicts.filter(({ isPlanned }) => isPlanned).length;
say(
  `definitions: ${verdicts.length} of ${written.length} samples (seed ${values.seed}), ${child.asked} also in a child`,
);
say(`plans: ${planned}, refused: ${verdicts.length - planned}`);
say(
  `processor time of compile and lint: p50 ${percentile(times, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, max ${slowest.took.toFixed(1)} ms (${slowest.number}, ${slowest.kind}); load ${loadavg()[0].toFixed(1)}`,
);
say(`wrong: ${wrongs.length}`);
for (const wrong of wrongs.slice(0, SHOWN)) say(`  ${wrong.slice(0, 300)}`);
process.exitCode = wrongs.length > 0 || verdicts.length < COUNT ? 1 : 0;
