import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ArtifactSpec, ArtifactUploaded, PlannedJob } from '@foldline/contracts';
import {
  ATTEMPT,
  assign,
  assigned,
  closeBench,
  directories,
  embedded,
  ended,
  eventsOf,
  finish,
  log,
  mark,
  marked,
  openBench,
  runner,
} from './runner.fixture.ts';

beforeEach(openBench);
afterEach(closeBench);

const shell = (name: 'script' | 'after_script', ...commands: string[]) => ({ name, kind: 'shell' as const, commands });
const ARTIFACTS: ArtifactSpec = { paths: [], exclude: [], when: 'on_success', reports: [], dotenv: ['*.env'] };
/** A job that writes this into a file whose variables it hands on. */
const handingOn = (text: string, more: Partial<PlannedJob> = {}): Partial<PlannedJob> => ({
  steps: [shell('script', `printf '%s' '${text}' > build.env`)],
  artifacts: ARTIFACTS,
  ...more,
});
const run = async (...given: Parameters<typeof assign>): Promise<void> => {
  await assign(...given);
  await runner.accept(assigned);
  await ended();
};
const uploads = async () =>
  (await eventsOf(ATTEMPT))
    .filter(({ type }) => type === 'ArtifactUploaded')
    .map(({ data }) => data as ReturnType<typeof ArtifactUploaded>['data']);
const variable = (key: string, value: string) => ({
  key,
  sealed: embedded.ports.secretBox.seal(value, `project:pr1:variable:${key}`),
  protected: false,
  masked: true,
});

describe('Variables that a job hands on', () => {
  it('are kept where later jobs find them, and told in no event and no log', async () => {
    // The log shows commands, and this one does not hold the value.
    const write = `printf 'VERSION=%s\\nEMPTY=\\n' one-""two-three > build.env`;
    await run({ steps: [shell('script', write)], artifacts: ARTIFACTS });

    const kept = await uploads();
    expect(kept).toMatchObject([{ kind: 'dotenv', files: 1 }]);
    expect(await finish()).toMatchObject({ outcome: 'success', commits: [kept[0]!.artifactId] });
    expect(await log()).toContain('Handed on 2 variables');
    expect(JSON.stringify([await log(), await eventsOf(ATTEMPT)])).not.toContain('one-two-three');
  });

  it.each([
    ['a line that is none', 'A=1\nhunter2-long', 'build.env, line 2: this is not NAME=value'],
    ['more bytes than are taken', `A=${'x'.repeat(5119)}`, 'more than 5120 bytes'],
    ['more variables than are taken', Array.from({ length: 151 }, (_, n) => `V${n}=`).join('\n'), 'at most 150'],
  ])('fail the job when they have %s', async (_what, text, detail) => {
    await run(handingOn(text, { artifacts: { ...ARTIFACTS, paths: ['README.md'], when: 'on_failure' } }));

    expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'invalid_dotenv', exitCode: 0 });
    expect((await finish()).detail).toContain(detail);
    // What is kept of a failure is kept.
    expect(await uploads()).toMatchObject([{ kind: 'archive' }]);
    expect(JSON.stringify([await log(), await eventsOf(ATTEMPT)])).not.toContain('hunter2');
  });

  it('are as many and as much as is allowed', async () => {
    const lines = Array.from({ length: 150 }, (_, n) => `V${n}=`).join('\n');
    await run(handingOn(lines + 'x'.repeat(5120 - lines.length)));

    expect(await finish()).toMatchObject({ outcome: 'success' });
  });

  it('may be missing: the job says so and goes on', async () => {
    await run({ artifacts: ARTIFACTS });

    expect(await finish()).toMatchObject({ outcome: 'success', commits: [] });
    expect(await log()).toContain('*.env: no matching files');
  });

  it('are kept of a job that failed too, and what is wrong with them is not why it failed', async () => {
    await run(handingOn('wrong', { steps: [shell('script', 'echo wrong > build.env', 'exit 3')] }));

    expect(await finish()).toMatchObject({ outcome: 'failed', reason: 'script_failure', exitCode: 3 });
    expect(await log()).toContain('build.env, line 1');
  });

  it('are not looked for where a link leads', async () => {
    await run({ steps: [shell('script', 'ln -s /etc/hostname build.env')], artifacts: ARTIFACTS });

    expect(await uploads()).toEqual([]);
  });

  describe('and make the address of its environment', () => {
    const environment = { name: 'review', url: 'https://$HOST/' };

    it('tell it at the end', async () => {
      await run(handingOn('HOST=shop-7.example', { environment }));

      expect(await finish()).toMatchObject({ outcome: 'success', environmentUrl: 'https://shop-7.example/' });
    });

    it('tell nothing new that was known before', async () => {
      await run(handingOn('OTHER=x', { environment: { name: 'review', url: 'https://shop.example/' } }));

      expect(await finish()).not.toHaveProperty('environmentUrl');
    });

    it.each([
      ['no address of the web', 'HOST=a b', 'OTHER'],
      ['a masked value in it', 'HOST=hunter2-long.example', 'TOKEN'],
      ['a variable of the project', 'HOST=mine.example', 'HOST'],
    ])('tell none with %s', async (_what, text, key) => {
      await run(handingOn(text, { environment }), { projectVariables: [variable(key, 'hunter2-long')] });

      expect(await finish()).toMatchObject({ outcome: 'success' });
      expect(await finish()).not.toHaveProperty('environmentUrl');
    });
  });
});

describe('A variable of the project in a file', () => {
  it('is read by the job alone, outside of its workspace, and is gone with the job', async () => {
    const config = { ...variable('CONFIG', 'user: hunter2-long'), kind: 'file' as const };
    const tell = `echo "$(stat -c '%a' "$CONFIG" "$(dirname "$CONFIG")") $(cat "$CONFIG") $CONFIG" > ${mark()}`;
    await run(
      { steps: [shell('script', tell, 'case $CONFIG in $CI_PROJECT_DIR/*) exit 1;; esac', 'cat "$CONFIG"')] },
      { projectVariables: [config] },
    );

    expect(await finish()).toMatchObject({ outcome: 'success' });
    expect(marked().replaceAll('\n', ' ')).toMatch(/^600 700 user: hunter2-long \S+\/p1\.0\.1\/variables\/CONFIG $/);
    expect(directories()).toEqual([]);
    expect(JSON.stringify([await log(), await eventsOf(ATTEMPT)])).not.toContain('hunter2');
  });
});

describe('CI_JOB_STATUS', () => {
  it.each([
    ['true', 'success'],
    ['false', 'failed'],
  ])('is running in the script, and after `%s` it is %s', async (command, status) => {
    const tell = `echo "$CI_JOB_STATUS" >> ${mark()}`;
    await run({ steps: [shell('script', tell, command), shell('after_script', tell)] });

    expect(marked()).toBe(`running\n${status}\n`);
  });
});
