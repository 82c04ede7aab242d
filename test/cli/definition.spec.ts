import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { foldline as byNpm, run, type Ended } from './run-cli.ts';

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example'];
const GOOD = `
test:
  script: make test
ship:
  stage: deploy
  script: make ship
  rules:
    - if: $CI_COMMIT_TAG || $FORCE == "a=b"
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH && $CI_COMMIT_TITLE =~ /^Ship/
`;
const SEALED = `
show: { script: make, rules: [{ if: $TOKEN =~ /^open/ }] }
review: { script: make, environment: live/$NAME }
`;
const INCLUDING = 'include: ci/*.yml\njob: { script: make }\n';
const BAD = 'test:\n  scirpt: make\nship:\n  script: make\n  rules: [{ if: $A = 1 }]\n';

describe('a definition without a server', () => {
  let home: string;
  const repository = (name: string): string => join(home, name);
  const foldline = (...args: string[]): Promise<Ended> =>
    run(process.execPath, ['apps/cli/dist/main.js', ...args], join(home, 'data'));
  const planned = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await foldline('plan', '-C', repository('good'), '--json', ...args);
    const { plan } = JSON.parse(stdout) as { plan: { jobs: { name: string }[] } };
    return plan.jobs.map(({ name }) => name);
  };

  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'foldline-definition-'));
    for (const [name, text] of Object.entries({ good: GOOD, bad: BAD, sealed: SEALED, including: INCLUDING })) {
      mkdirSync(repository(name));
      writeFileSync(join(repository(name), '.codara-ci.yml'), text);
    }
    mkdirSync(join(repository('including'), 'ci'));
    writeFileSync(join(repository('including'), 'ci/more.yml'), 'more:\n  script: make\n  tmeout: 5m\n');
    // Linux lets nobody read it from its beginning, not even root.
    symlinkSync('/proc/self/mem', join(repository('good'), 'unreadable.yml'));
    for (const name of ['good', 'including']) {
      const git = (...args: string[]): void => void execFileSync('git', args, { cwd: repository(name) });
      git('init', '--quiet', '--initial-branch=main');
      git('add', '--all');
      git(...IDENTITY, 'commit', '--quiet', '-m', 'Ship it');
    }
  });
  afterAll(() => rmSync(home, { recursive: true, force: true }));

  it('is described by a schema for editors', async () => {
    const { code, stdout } = await foldline('schema');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(readFileSync('docs/pipeline.schema.json', 'utf8')));
  });

  it('is linted: every mistake with its place, and exit code 1', async () => {
    const { code, stdout } = await foldline('lint', '-C', repository('bad'));
    expect(code).toBe(1);
    expect(stdout).toContain('.codara-ci.yml:2:3 error unknown-keyword');
    expect(stdout).toContain('  1 | test:\n  2 |   scirpt: make\n    |   ^\n');
    expect(stdout).toContain('Did you mean `script`?');
    expect(stdout).toMatch(/invalid-expression[^]*\n3 errors, 0 warnings\n`foldline lint --fix` mends 1 of them.\n$/);
  });

  it('is linted with the files that it includes', async () => {
    const { code, stdout } = await foldline('lint', '-C', repository('including'));
    expect(code).toBe(1);
    expect(stdout).toContain('ci/more.yml:3:3 error unknown-keyword');
    expect(stdout).toContain('  3 |   tmeout: 5m\n');
  });

  it('is linted without a mistake, also as JSON', async () => {
    expect(await foldline('lint', '-C', repository('good'))).toMatchObject({
      code: 0,
      stdout: '0 errors, 0 warnings\n',
    });
    const { code, stdout } = await foldline('lint', '-C', repository('good'), '--json');
    expect({ code, answer: JSON.parse(stdout) }).toEqual({ code: 0, answer: { problems: [] } });
  });

  it('that only has warnings passes, but not where these count as errors', async () => {
    const warned = join(repository('good'), 'warned.yml');
    writeFileSync(warned, 'test:\n  script: make test\n  coverage: /Lines: (\\d+)/\n');
    expect(await foldline('lint', '-C', repository('good'), '--file', 'warned.yml')).toMatchObject({ code: 0 });
    const { code, stdout } = await foldline('lint', '-C', repository('good'), '--file', 'warned.yml', '--strict');
    expect({ code, stdout }).toEqual({ code: 1, stdout: expect.stringContaining('0 errors, 1 warning\n') });
  });

  it('is linted together with others', async () => {
    const files = ['--file', '.codara-ci.yml', '--file', 'ci/more.yml'];
    const { code, stdout } = await foldline('lint', '-C', repository('including'), ...files, '--json');
    const { problems } = JSON.parse(stdout) as { problems: { file: string }[] };
    expect({ code, files: problems.map(({ file }) => file) }).toEqual({ code: 1, files: ['ci/more.yml'] });
  });

  it('is mended in its files, and what was done is told', async () => {
    mkdirSync(repository('mended'));
    const path = join(repository('mended'), '.codara-ci.yml');
    writeFileSync(path, 'test: # first\n  scirpt: make\n');
    const { code, stdout } = await foldline('lint', '-C', repository('mended'), '--fix');
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: '.codara-ci.yml:2:3 mended unknown-keyword: now `script`\n\n0 errors, 0 warnings\n',
    });
    expect(readFileSync(path, 'utf8')).toBe('test: # first\n  script: make\n');
  });

  it('is linted and planned as README says', async () => {
    for (const command of ['lint', 'plan']) {
      expect(await byNpm([command, '-C', repository('good')], join(home, 'data'))).toMatchObject({ code: 0 });
    }
  });

  it('is planned for the commit that is checked out', async () => {
    const { code, stdout } = await foldline('plan', '-C', repository('good'));
    expect(code).toBe(0);
    expect(stdout).toContain('.codara-ci.yml for branch main (push): 2 jobs\n');
    expect(stdout).toContain('planned  ship  rules: 2');
  });

  it('is planned for other branches, tags, events and variables', async () => {
    expect(await planned('--branch', 'feature')).toEqual(['test']);
    expect(await planned('--event', 'tag', '--tag', 'v1')).toEqual(['test', 'ship']);
    expect(await planned('--branch', 'feature', '-v', 'FORCE=a=b', '-v', 'OTHER=')).toEqual(['test', 'ship']);
    expect(await planned('--event', 'schedule')).toEqual(['test', 'ship']);
  });

  it('is planned with variables that the project has, whose values decide and are not told', async () => {
    const plan = ['plan', '-C', repository('sealed'), '--json'];
    const { stdout } = await foldline(...plan, '--project-variable', 'TOKEN=open sesame', '-v', 'NAME=shop');
    expect(stdout).toContain('TOKEN is set');
    expect(stdout).not.toContain('sesame');
    const { code, stdout: refused } = await foldline(...plan, '--masked-variable', 'NAME=a secret shop');
    expect({ code, codes: refused.match(/"code": "[^"]+"/g) }).toEqual({
      code: 1,
      codes: ['"code": "sealed-variable"'],
    });
  });

  it('that leaves everything out has a plan without jobs, which is no mistake', async () => {
    const quiet = join(repository('good'), 'quiet.yml');
    writeFileSync(quiet, 'workflow: { rules: [{ if: $CI_COMMIT_TAG }] }\ntest: { script: make }\n');
    const { code, stdout } = await foldline('plan', '-C', repository('good'), '--file', 'quiet.yml');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining('0 errors, 1 warning\n') });
    expect(stdout).toContain('warning no-jobs\n  `workflow` leaves the pipeline out for branch main (push)');
    expect(stdout).toContain('quiet.yml for branch main (push): 0 jobs\n');
  });

  it('that is refused has no plan, every problem and exit code 1', async () => {
    const { code, stdout } = await foldline('plan', '-C', repository('bad'), '--json');
    expect(code).toBe(1);
    expect(Object.keys(JSON.parse(stdout) as object)).toEqual(['problems', 'decisions']);
  });

  it.each([
    [['plan', '--event', 'tag'], '--event tag needs --tag'],
    [['plan', '--tag', 'v1', '--branch', 'main'], 'give --branch or --tag'],
    [['plan', '-v', '1=2'], 'a variable is given as KEY=VALUE'],
    [['plan', '--project-variable', 'TOKEN'], 'a variable is given as KEY=VALUE'],
    [['plan', '-v', 'CI_COMMIT_BRANCH=main'], 'CI_COMMIT_BRANCH is reserved'],
    [['plan', '--branch', ''], 'no plain name of a branch or tag'],
    [['plan', '--tag', '-x'], 'no plain name of a branch or tag'],
    [['plan', '--file', 'none.yml'], 'there is no file'],
    [['lint', '-C', 'nowhere'], 'there is no file'],
    [['lint', '--file', '.codara-ci.yml', '--file', 'none.yml'], 'there is no file'],
    [['lint', '--file', 'unreadable.yml'], 'unreadable.yml cannot be read'],
  ])('is not looked for where the call is wrong: %j', async (args, message) => {
    const { code, stderr } = await foldline(...args, ...(args.includes('-C') ? [] : ['-C', repository('good')]));
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(message) });
  });
});
