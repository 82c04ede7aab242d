import { describe, expect, it } from '@jest/globals';
import { compile, plannedFrom } from '@foldline/pipeline-language';
import { planOf } from './plan-text.ts';

const shown = (text: string): string[] => {
  const trigger = { ref: { name: 'main', kind: 'branch' }, source: 'push', variables: {} } as const;
  return planOf(plannedFrom('ci.yml', compile({ file: 'ci.yml', text, trigger }))!, 'branch main (push)');
};

describe('a plan, as text', () => {
  it('has the jobs by stage with what is special about them, and why each job is there or not', () => {
    const lines = shown(`
.base: { script: make }
compile: { extends: .base, stage: build }
unit: { extends: .base, parallel: 2 }
lint: { extends: .base, needs: [], allow_failure: true }
ship: { extends: .base, stage: deploy, needs: [unit], rules: [{ when: manual }] }
release: { extends: .base, only: [tags] }
`);
    expect(lines).toEqual([
      'ci.yml for branch main (push): 5 jobs',
      '',
      'build   compile',
      'test    unit 1/2',
      '        unit 2/2',
      '        lint      may fail, starts at once',
      'deploy  ship      manual, needs unit 1/2, unit 2/2',
      '',
      'planned   compile  default     the job has neither rules nor only nor except',
      'planned   unit     default     the job has neither rules nor only nor except',
      'planned   lint     default     the job has neither rules nor only nor except',
      'planned   ship     rules: 1    the rule has no condition',
      'left out  release  only: refs  only: [tags] does not match branch main',
    ]);
  });

  it('has what jobs start', () => {
    const lines = shown(`
build: { script: make, stage: build }
child: { trigger: { include: [{ project: ada/ci, file: [a.yml, b.yml] }, { artifact: c.yml, job: build }] } }
other: { trigger: ada/deploy }
branch: { trigger: { project: ada/deploy, branch: main } }
`);
    expect(lines.slice(2, 6)).toEqual([
      'build  build',
      'test   child   starts a child of a.yml, b.yml, c.yml',
      '       other   starts ada/deploy',
      '       branch  starts ada/deploy at main',
    ]);
  });

  it('has a job that only takes from another pipeline as one that waits for nothing', () => {
    const text = 'use: { script: make, needs: [{ project: acme/library, job: build, ref: main }] }';
    expect(shown(text)[2]).toBe('test  use  starts at once');
  });

  it('has only the reasons when nothing runs', () => {
    expect(shown('release: { script: make, only: [tags] }')).toEqual([
      'ci.yml for branch main (push): 0 jobs',
      '',
      'left out  release  only: refs  only: [tags] does not match branch main',
    ]);
  });
});
