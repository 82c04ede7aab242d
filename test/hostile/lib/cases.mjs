import { createRandom } from '../../faults/lib/random.mjs';
import { GENERATED } from './generated.mjs';
import { MUTATIONS } from './mutations.mjs';

export const FILE = '.codara-ci.yml';
/** What nobody may be told. */
export const SECRET = 'hush-8f1d0c';
const MOST_CHARACTERS = 64 * 1024;
const MOST_CHANGES = 6;
const GENERATED_PART = 0.3;

const project = { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' };
const variables = { A: 'a', MATRIX: '1', LONG: 'x'.repeat(300) };
const sealed = [
  { name: 'HIDDEN', masked: true, value: SECRET },
  { name: 'OPEN', masked: false, value: `/${SECRET}(/`, expand: true },
];
const TRIGGERS = [
  { ref: { name: 'main', kind: 'branch' }, source: 'push', variables: {}, project },
  { ref: { name: 'v1.2.3', kind: 'tag' }, source: 'push', variables, sealed, project },
  { ref: { name: 'feature/x', kind: 'branch' }, source: 'merge_request_event', variables, sealed, project },
  { ref: { name: 'main', kind: 'branch' }, source: 'schedule', variables: {}, sealed },
];

const mutated = (random, written) => {
  const sample = random.pick(written);
  let { text } = sample;
  for (let left = 1 + random.below(1 + random.below(MOST_CHANGES)); left > 0; left -= 1)
    text = MUTATIONS[random.pick(Object.keys(MUTATIONS))](random, text, written);
  return { kind: 'changed', text, files: sample.files };
};

const generated = (random) => {
  const kind = random.pick(Object.keys(GENERATED));
  return { kind, text: GENERATED[kind](random), files: {} };
};

/** One definition with what is known of its commit: the same seed and number always give the same. */
export const hostileCase = (seed, number, written) => {
  const random = createRandom(seed, `definition ${number}`);
  const { kind, text: whole, files } = random.chance(GENERATED_PART) ? generated(random) : mutated(random, written);
  const text = whole.slice(0, MOST_CHARACTERS);
  const other = random.chance(0.1) ? mutated(random, written).text.slice(0, MOST_CHARACTERS) : 'o: {script: x}\n';
  const all = { [FILE]: text, 'ci/other.yml': other, 'src/a.ts': '', ...files };
  return {
    kind,
    input: {
      file: FILE,
      text,
      trigger: random.pick(TRIGGERS),
      sources: { files: all, paths: Object.keys(all), changes: { '': ['src/a.ts'], main: null } },
    },
  };
};
