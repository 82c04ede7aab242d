import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { filesUnder, root } from '../../scripts/workspace.mjs';

/** How a suite says that it runs only where containers are asked for. */
const ASKING = "whenAsked('FOLDLINE_TEST_CONTAINERS'";
const COMMAND =
  /FOLDLINE_TEST_CONTAINERS=1 node scripts\/test\.mjs[^\n]*--selectProjects ([^\n]*?)\s*(?:\\\n\s*)?--testPathPatterns '?([^'\s]+)'?/g;

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const specs = [...filesUnder('libs'), ...filesUnder('test')].filter(
  (path) => path.endsWith('.spec.ts') && !path.startsWith('test/house/'),
);

const steps = [...read('.ci/run').matchAll(COMMAND)].map(([, projects, pattern]) => ({
  projects: projects!.split(' '),
  pattern: new RegExp(pattern!),
}));

const projectOf = (path: string): string =>
  path.startsWith('test/') ? 'test' : `@foldline/${/^libs\/(?:adapters\/)?([^/]+)\//.exec(path)![1]!}`;

describe('a suite that needs containers', () => {
  it.each(specs.filter((path) => read(path).includes(ASKING)))('is run once by the whole check: %s', (path) => {
    const running = steps.filter(({ projects, pattern }) => projects.includes(projectOf(path)) && pattern.test(path));
    expect(running).toHaveLength(1);
  });
});
