import { describe, expect, it } from '@jest/globals';
import { checkBoundaries, readWorkspace } from '../../scripts/boundaries.mjs';

const workspace = readWorkspace();
/** Who the projects are and what they declare, without their sources: what is planted stands alone. */
const declarations = workspace.filter(({ path }) => path.endsWith('.json'));

type Planted = { path: string; text: string };
const check = (...planted: Planted[]) => {
  const replaced = new Set(planted.map(({ path }) => path));
  return checkBoundaries({ files: [...declarations.filter(({ path }) => !replaced.has(path)), ...planted] });
};
const reported = (...planted: Planted[]): string[] =>
  check(...planted).map(({ file, line, rule }) => `${file}:${line} ${rule}`);

describe('the boundaries of this workspace', () => {
  it('are kept by every file', () => {
    expect(
      checkBoundaries({ files: workspace }).map(
        ({ file, line, rule, message }) => `${file}:${line} ${rule}: ${message}`,
      ),
    ).toEqual([]);
  });
});

/** One line of source each; the rule that must report it, or nothing when it is allowed. */
const CANARY: readonly [name: string, path: string, source: string, rule?: string][] = [
  [
    'a service importing another service',
    'apps/scheduler/src/canary.ts',
    "import { RunnerModule } from '@foldline/runner';",
    'tags',
  ],
  [
    'a service importing an adapter',
    'apps/runner/src/canary.ts',
    "import { x } from '@foldline/executor-process';",
    'tags',
  ],
  ['a service importing a vendor', 'apps/scheduler/src/canary.ts', "import { Kafka } from 'kafkajs';", 'packages'],
  [
    'a service importing the host',
    'apps/runner/src/canary.ts',
    "import { createLogger } from '@foldline/host';",
    'tags',
  ],
  [
    'a process importing what runs it',
    'apps/runner/src/main.ts',
    "import { runService } from '@foldline/distributed';",
  ],
  [
    'a service importing the kernel and Nest',
    'apps/runner/src/canary.ts',
    "import { PORT } from '@foldline/kernel'; import { Module } from '@nestjs/common';",
  ],
  [
    'a service importing the language',
    'apps/deployer/src/canary.ts',
    "import { compile } from '@foldline/pipeline-language';",
    'tags',
  ],
  [
    'the planner importing the language',
    'apps/pipeline-planner/src/canary.ts',
    "import { compile } from '@foldline/pipeline-language';",
  ],
  [
    'the language importing the kernel',
    'libs/pipeline-language/src/canary.ts',
    "import { Refusal } from '@foldline/kernel';",
  ],
  [
    'the language importing an adapter',
    'libs/pipeline-language/src/canary.ts',
    "import { createGitRepositories } from '@foldline/git-cli';",
    'tags',
  ],
  [
    'an adapter importing a sibling',
    'libs/adapters/bus-embedded/src/canary.ts',
    "export { x } from '@foldline/event-store-embedded';",
    'tags',
  ],
  [
    'an adapter importing the SQLite driver',
    'libs/adapters/bus-embedded/src/canary.ts',
    "import { openDatabase } from '@foldline/sqlite';",
  ],
  [
    'an adapter importing Nest',
    'libs/adapters/bus-embedded/src/canary.ts',
    "import { Module } from '@nestjs/common';",
    'packages',
  ],
  [
    'the kernel importing an adapter',
    'libs/kernel/src/canary.ts',
    "const x = await import('@foldline/sqlite');",
    'tags',
  ],
  [
    'the contracts importing the kernel',
    'libs/contracts/src/canary.ts',
    "import type { Clock } from '@foldline/kernel';",
    'tags',
  ],
  ['the contracts importing Node', 'libs/contracts/src/canary.ts', "import { join } from 'node:path';", 'packages'],
  [
    'the standalone importing every service',
    'apps/standalone/src/canary.ts',
    "import { RunnerModule } from '@foldline/runner';",
  ],
  [
    'a product importing the testing kit',
    'apps/runner/src/canary.ts',
    "import { given } from '@foldline/testing';",
    'testing',
  ],
  ['a spec importing the testing kit', 'apps/runner/src/canary.spec.ts', "import { given } from '@foldline/testing';"],
  [
    'a product importing what specs share',
    'apps/scheduler/src/canary.ts',
    "import { given } from './testing/story.ts';",
    'testing',
  ],
  [
    'a relative import that leaves its project',
    'apps/runner/src/canary.ts',
    "import { x } from '../../scheduler/src/index.ts';",
    'own-project',
  ],
  [
    'an import of the inside of a package',
    'apps/runner/src/canary.ts',
    "import { x } from '@foldline/kernel/dist/errors.js';",
    'entry-point',
  ],
  [
    'an import of a package that does not exist',
    'apps/runner/src/canary.ts',
    "import { x } from '@foldline/nowhere';",
    'known-package',
  ],
  [
    'an import that the package does not declare',
    'libs/adapters/executor-process/src/canary.ts',
    "import { x } from '@foldline/sqlite';",
    'declared',
  ],
  [
    'an import of a computed name',
    'apps/runner/src/canary.ts',
    'const load = (name) => import(name);',
    'literal-import',
  ],
  [
    'an import hidden behind a comment',
    'apps/scheduler/src/canary.ts',
    "import /* harmless */ { RunnerModule } from '@foldline/runner';",
    'tags',
  ],
  ['an import in a comment', 'apps/scheduler/src/canary.ts', "// import { RunnerModule } from '@foldline/runner';"],
  [
    'an import in a text',
    'apps/scheduler/src/canary.ts',
    'const text = "import { RunnerModule } from \'@foldline/runner\'";',
  ],
  ['a decider that reads the clock', 'apps/scheduler/src/canary.decider.ts', 'const at = new Date();', 'pure'],
  [
    'a decider that reads a recorded time',
    'apps/scheduler/src/canary.decider.ts',
    'const at = new Date(event.recordedAt);',
  ],
  ['a projection that rolls dice', 'apps/api-gateway/src/canary.projection.ts', 'const id = Math.random();', 'pure'],
  [
    'a decider that imports Node',
    'apps/scheduler/src/canary.decider.ts',
    "import { readFileSync } from 'node:fs';",
    'pure',
  ],
  ['a decider in a template', 'apps/scheduler/src/canary.decider.ts', 'const text = `at ${Date.now()}`;', 'pure'],
  [
    'the language calling out',
    'libs/pipeline-language/src/canary.ts',
    "const answer = fetch('https://example.org');",
    'pure',
  ],
  [
    'a service reading the environment',
    'apps/runner/src/canary.ts',
    "const port = process.env['FOLDLINE_PORT'];",
    'environment',
  ],
  ['a process reading the environment', 'apps/runner/src/main.ts', "const port = process.env['FOLDLINE_PORT'];"],
  [
    'a service appending on its own',
    'apps/runner/src/canary.ts',
    'const go = (eventStore) => eventStore.append(stream, [], 0);',
    'append',
  ],
  [
    'a service appending under another name',
    'apps/runner/src/canary.ts',
    'const go = (history: EventStore) => history.append(stream, [], 0);',
    'append',
  ],
  [
    'a service appending to a log',
    'apps/runner/src/canary.ts',
    'const go = (store: LogStore) => store.append(attempt, frame);',
  ],
];

describe('the boundary check', () => {
  it.each(CANARY.filter(([, , , rule]) => rule))('reports %s', (_name, path, text, rule) => {
    const found = reported({ path, text });
    expect(found).not.toEqual([]);
    expect(new Set(found)).toEqual(new Set([`${path}:1 ${rule}`]));
  });

  it.each(CANARY.filter(([, , , rule]) => !rule))('allows %s', (_name, path, text) => {
    expect(reported({ path, text })).toEqual([]);
  });

  it('reports what is impure in a file that a decider runs, and not in one it only takes types from', () => {
    const helper = { path: 'apps/scheduler/src/helper.ts', text: 'export const now = () => Date.now();' };
    const decider = (text: string) => ({ path: 'apps/scheduler/src/canary.decider.ts', text });
    expect(reported(helper, decider("import { now } from './helper.ts';"))).toEqual([
      'apps/scheduler/src/helper.ts:1 pure',
    ]);
    expect(reported(helper, decider("import type { Now } from './helper.ts';"))).toEqual([]);
  });

  it('reports projects that import each other', () => {
    const circle = check(
      { path: 'libs/kernel/src/a.ts', text: "import { x } from '@foldline/contracts';" },
      { path: 'libs/contracts/src/a.ts', text: "import { x } from '@foldline/kernel';" },
    );
    expect(circle.filter(({ rule }) => rule === 'no-cycles')).toHaveLength(1);
  });

  it('reports a project without a known tag, and a source without a project', () => {
    const untagged = { path: 'libs/stray/package.json', text: '{ "name": "@foldline/stray" }' };
    expect(reported(untagged)).toEqual(['libs/stray/package.json:1 tagged']);
    expect(reported({ path: 'libs/nobody/src/a.ts', text: '' })).toEqual(['libs/nobody/src/a.ts:1 project']);
  });

  it('reports a package whose two lists of what it uses differ', () => {
    const tsconfig = { path: 'libs/kernel/tsconfig.json', text: '{ "references": [] }' };
    expect(reported(tsconfig)).toEqual(['libs/kernel/package.json:1 declared']);
  });

  it('names the line', () => {
    const text =
      "const one = `\n${'}'}\n/* ' */`;\nconst two = /[/'\"]/.test(one);\nimport { Kafka } from 'kafkajs';\n";
    expect(check({ path: 'apps/scheduler/src/canary.ts', text })).toEqual([
      { file: 'apps/scheduler/src/canary.ts', line: 5, rule: 'packages', message: expect.stringContaining('kafkajs') },
    ]);
  });
});
