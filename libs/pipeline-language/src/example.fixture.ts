import { compile, type CompileResult } from './compile.ts';
import type { Json } from './grammar/json-schema.ts';
import type { Trigger } from './select-jobs.ts';

/** What the examples of keywords speak of beside their own job. */
const beside = {
  build: { stage: 'build', script: 'make', parallel: { matrix: [{ NODE: [20, 22] }] } },
  '.template': { script: 'make' },
};
const sources = {
  files: {
    'ci/build.yml': 'spec: { inputs: { level: { default: quick } } }\n---\nlint: { script: make lint }\n',
  },
  paths: ['Dockerfile', 'ci/build.yml'],
  changes: { main: ['Dockerfile'] },
};
const trigger: Trigger = {
  ref: { name: 'main', kind: 'branch' },
  source: 'push',
  variables: {},
  project: { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' },
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
