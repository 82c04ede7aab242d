import { createHash } from 'node:crypto';
import { compile, type CompileResult } from './compile.ts';
import { keyOf, type Location } from './elsewhere.ts';
import type { Json } from './grammar/json-schema.ts';
import type { Trigger } from './select-jobs.ts';

/** What the examples of keywords speak of beside their own job. */
const beside = {
  build: { stage: 'build', script: 'make', parallel: { matrix: [{ NODE: [20, 22] }] } },
  'stop-review': { stage: 'deploy', script: 'make', when: 'manual', environment: { name: 'review', action: 'stop' } },
  '.template': { script: 'make' },
};
const project = 'acme/library';
const places: Location[] = [
  { kind: 'remote', url: 'https://example.com/ci/build.yml' },
  { kind: 'project', project, path: 'ci/build.yml' },
  { kind: 'project', project, path: 'ci/test.yml' },
  { kind: 'project', project, ref: 'v1.2.0', path: 'ci/build.yml' },
  { kind: 'component', project, component: 'build', version: '1.2' },
];
const EMPTY_FILE = { text: '', sha256: createHash('sha256').digest('hex'), at: 'a'.repeat(40) };
const kept: Location = { kind: 'kept', job: 'build', project, ref: 'main' };
const sources = {
  files: {
    'ci/child.yml': 'child: { script: make }',
    'ci/build.yml': 'spec: { inputs: { level: { default: quick } } }\n---\nlint: { script: make lint }\n',
  },
  paths: ['Dockerfile', 'ci/build.yml', 'ci/child.yml'],
  changes: { main: ['Dockerfile'] },
  elsewhere: {
    ...Object.fromEntries(places.map((place) => [keyOf(place), EMPTY_FILE])),
    [keyOf(kept)]: { ...EMPTY_FILE, text: JSON.stringify([{ jobId: 'p1.0', attempt: 1 }]) },
  },
};
const trigger: Trigger = {
  ref: { name: 'main', kind: 'branch' },
  source: 'push',
  variables: {},
  project: { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' },
  server: { version: '1.0.0', url: 'https://ci.example.com' },
};

/** JSON is YAML; what a file asks for stands before it. */
export const compileExample = (file: Json): CompileResult => {
  const { spec, ...rest } = file as { [key: string]: Json };
  const text = JSON.stringify({ ...beside, ...rest });
  const header = spec === undefined ? '' : `${JSON.stringify({ spec })}\n---\n`;
  return compile({ file: 'f.yml', text: header + text, trigger, sources });
};

/** What is said of it, but for what is planned only. */
export const problemsOfExample = (file: Json): string[] => {
  const result = compileExample(file);
  const problems = 'plan' in result ? result.plan.warnings : result.problems;
  return problems.filter(({ code }) => code !== 'planned-only').map(({ code, message }) => `${code} ${message}`);
};
