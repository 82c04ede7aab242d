import { createHmac, randomUUID } from 'node:crypto';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, Sandbox, START_MS, until, type PipelineAnswer } from '@foldline/client';
import type { PlanDecision } from '@foldline/contracts';
import { Gate, isAlive } from './gate.ts';
import { outputOf } from './output.ts';

const PUSHED = 'acme/pushed';
let sandbox: Sandbox;
let bare: string;

/** A forge's side: a hook that tells about each ref that was pushed, signed as GitHub signs. */
const HOOK = `
import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
const [, , url, secret] = process.argv;
for (const line of readFileSync(0, 'utf8').trim().split('\\n')) {
  const [before, after, ref] = line.split(' ');
  const repository = { full_name: 'acme/pushed', clone_url: process.cwd() };
  const body = JSON.stringify({ ref, before, after, deleted: /^0+$/.test(after), repository });
  const signature = createHmac('sha256', secret).update(body).digest('hex');
  const response = await fetch(url + '/v1/webhooks/github', {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': 'sha256=' + signature,
    },
    body,
  });
  if (!response.ok) process.exit(1);
}
`;

beforeAll(async () => {
  sandbox = await Sandbox.start();
  bare = join(sandbox.directory, 'forge.git');
  sandbox.git('init', '--quiet', '--bare', '--initial-branch=main', bare);
  sandbox.git('remote', 'add', 'forge', bare);
  sandbox.git('push', '--quiet', 'forge', 'main');
  await sandbox.client.post('/api/v1/projects', { owner: 'acme', name: 'pushed', url: bare });
  const script = join(sandbox.directory, 'hook.mjs');
  writeFileSync(script, HOOK);
  const hook = join(bare, 'hooks/post-receive');
  const { url } = sandbox.client.connection;
  writeFileSync(hook, `#!/bin/sh\nexec "${process.execPath}" "${script}" "${url}" "${sandbox.server.webhookSecret}"\n`);
  chmodSync(hook, 0o755);
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

const pipelineAt = (sha: string, ref: string): Promise<PipelineAnswer> =>
  until(`the pipeline of ${ref} at ${sha}`, async () => {
    const { items } = await sandbox.client.get<{ items: PipelineAnswer[] }>(`/api/${PUSHED}/pipelines`);
    const found = items.find((pipeline) => pipeline.sha === sha && pipeline.ref === ref);
    const ended = found && ['success', 'failed', 'skipped'].includes(found.status);
    return ended && sandbox.client.get<PipelineAnswer>(`/api/${PUSHED}/pipelines/${found.id}`);
  });
const logOf = (pipeline: PipelineAnswer): Promise<string> =>
  sandbox.client.text(`/api/${PUSHED}/jobs/${pipeline.jobs[0]!.id}/logs`);
const SHOW = 'show:\n  script: echo "$CI_COMMIT_REF_NAME $CI_PIPELINE_SOURCE"\n';

describe('A git push', () => {
  it('runs a pipeline at the pushed commit', async () => {
    const sha = sandbox.commit({ '.codara-ci.yml': SHOW });
    sandbox.git('push', '--quiet', 'forge', 'main');
    const pipeline = await pipelineAt(sha, 'main');
    expect(pipeline.status).toBe('success');
    expect(outputOf(await logOf(pipeline))).toBe('main push\n');
  });

  it('of several refs at once runs one pipeline for each, also for names beyond ASCII', async () => {
    const sha = sandbox.commit({ 'more.txt': 'x' });
    sandbox.git('tag', 'v2.0');
    sandbox.git('branch', 'feature/größe');
    sandbox.git('push', '--quiet', 'forge', 'main', 'v2.0', 'feature/größe');
    for (const ref of ['main', 'v2.0', 'feature/größe'])
      expect(outputOf(await logOf(await pipelineAt(sha, ref)))).toBe(`${ref} push\n`);
  });

  it('that deletes a branch starts nothing', async () => {
    const count = async (): Promise<number> =>
      (await sandbox.client.get<{ items: unknown[] }>(`/api/${PUSHED}/pipelines`)).items.length;
    const before = await count();
    sandbox.git('push', '--quiet', 'forge', '--delete', 'feature/größe');
    await until('the delivery to be listed', async () => {
      const { items } = await sandbox.client.get<{ items: { because: string }[] }>('/api/v1/webhooks/deliveries');
      return items.some(({ because }) => because.includes('was deleted'));
    });
    expect(await count()).toBe(before);
  });

  it('that is delivered twice runs once, and is refused without the right signature', async () => {
    const sha = sandbox.commit({ 'again.txt': 'x' });
    sandbox.git(
      'push',
      '--quiet',
      '--no-verify',
      '--receive-pack=git -c core.hooksPath=/dev/null receive-pack',
      'forge',
      'main',
    );
    const body = JSON.stringify({
      ref: 'refs/heads/main',
      after: sha,
      repository: { full_name: PUSHED, clone_url: bare },
    });
    const deliver = (secret: string, delivery: string): Promise<Response> =>
      sandbox.client.raw('POST', '/v1/webhooks/github', {
        headers: {
          'content-type': 'application/json',
          'x-github-event': 'push',
          'x-github-delivery': delivery,
          'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        },
        body,
      });
    expect((await deliver('some-other-secret-of-that-length', randomUUID())).status).toBe(401);
    const delivery = randomUUID();
    for (let time = 0; time < 2; time += 1)
      expect((await deliver(sandbox.server.webhookSecret, delivery)).ok).toBe(true);
    await pipelineAt(sha, 'main');
    const { items } = await sandbox.client.get<{ items: PipelineAnswer[] }>(`/api/${PUSHED}/pipelines`);
    expect(items.filter((pipeline) => pipeline.sha === sha)).toHaveLength(1);
  });
});

describe('A push of files that jobs are for', () => {
  const BY_FILES = `all:
  script: echo "since $CI_COMMIT_BEFORE_SHA"
code:
  rules: [{ changes: ['src/**/*'] }]
  script: echo code
pages:
  rules: [{ changes: ['docs/*.md'] }]
  script: echo pages
`;
  const pushed = async (
    ref: string,
    ...changes: [...Record<string, string>[], Record<string, string>]
  ): Promise<PipelineAnswer> => {
    const shas = changes.map((files) => sandbox.commit(files));
    sandbox.git('push', '--quiet', 'forge', ref);
    return pipelineAt(shas.at(-1)!, ref);
  };
  const namesOf = ({ jobs }: PipelineAnswer): string[] => jobs.map(({ name }) => name);

  it('lets those jobs in whose files changed since the push before, whichever of its commits changed them', async () => {
    const first = await pushed('main', { '.codara-ci.yml': BY_FILES, 'src/deep/a.txt': 'a' });
    expect(namesOf(first)).toEqual(['all', 'code']);

    const second = await pushed('main', { 'docs/read.md': 'read' }, { 'more.txt': 'y' });
    expect(namesOf(second)).toEqual(['all', 'pages']);
    expect(outputOf(await logOf(second))).toBe(`since ${first.sha}\n`);

    expect(namesOf(await pushed('main', { 'more.txt': 'z' }))).toEqual(['all']);
  });

  it('lets all of them in on a branch that is new', async () => {
    sandbox.git('checkout', '--quiet', '-b', 'fresh');
    const pipeline = await pushed('fresh', { 'more.txt': 'fresh' });
    sandbox.git('checkout', '--quiet', 'main');
    expect(namesOf(pipeline)).toEqual(['all', 'code', 'pages']);
  });

  it('tells of a job that was left out what it looked for', async () => {
    const { id } = await pushed('main', { 'src/b.txt': 'b' });
    const { decisions } = await sandbox.client.get<{ decisions: PlanDecision[] }>(
      `/api/${PUSHED}/pipelines/${id}/plan`,
    );
    expect(decisions.find(({ definition }) => definition === 'pages')).toMatchObject({
      created: false,
      rule: 'rules: none',
      because: expect.stringContaining('docs/*.md'),
    });
  });
});

describe('A push that makes an older pipeline redundant', () => {
  type Listed = PipelineAnswer & { source: string };
  const at = (id: string, is: (pipeline: PipelineAnswer) => boolean): Promise<PipelineAnswer> =>
    until(`pipeline ${id}`, async () => {
      const pipeline = await sandbox.client.get<PipelineAnswer>(`/api/${PUSHED}/pipelines/${id}`);
      return is(pipeline) && pipeline;
    });
  const statuses = ({ status, jobs }: PipelineAnswer): Record<string, string> => ({
    pipeline: status,
    ...Object.fromEntries(jobs.map((job) => [job.name, job.status])),
  });

  it.each(['interruptible', 'conservative'])('leaves a deployment below it to its end: %s', async (mode) => {
    const gate = new Gate(sandbox.directory, `deploys-${mode}`);
    const sha = sandbox.commitOnly({
      '.codara-ci.yml': `workflow: { auto_cancel: { on_new_commit: ${mode} } }
default: { interruptible: true }
release:
  trigger: { include: ci/release.yml, strategy: depend }
`,
      'ci/release.yml': `deploy:\n  environment: prod\n  script:\n    - ${gate.wait}\n`,
    });
    sandbox.git('push', '--quiet', 'forge', 'main');
    const pid = await gate.reached();
    const { items } = await sandbox.client.get<{ items: Listed[] }>(`/api/${PUSHED}/pipelines`);
    const { id } = items.find((pipeline) => pipeline.sha === sha && pipeline.source === 'push')!;
    const child = jobNamed(await at(id, () => true), 'release').downstream!.pipelineId;

    const newer = sandbox.commitOnly({ '.codara-ci.yml': SHOW });
    sandbox.git('push', '--quiet', 'forge', 'main');
    await pipelineAt(newer, 'main');
    if (mode === 'conservative') await at(id, ({ status }) => status === 'cancelling');
    expect(isAlive(pid)).toBe(true);
    gate.open();
    expect(statuses(await at(child, ({ status }) => status === 'success'))).toMatchObject({ deploy: 'success' });
    const pipeline = mode === 'conservative' ? 'cancelled' : 'success';
    expect(statuses(await at(id, ({ status }) => status === pipeline))).toEqual({ pipeline, release: 'success' });
  });
});

describe('The events of everything', () => {
  type FeedEvent = { type: string; position: number; id: string };
  const follow = async (after: number, isLast: (event: FeedEvent) => boolean): Promise<FeedEvent[]> => {
    const done = new AbortController();
    const seen: FeedEvent[] = [];
    const lines = sandbox.client.lines(`/api/v1/events?after=${after}`, 'text/event-stream', done.signal);
    for await (const line of lines) {
      if (!line.startsWith('data: ')) continue;
      const event = JSON.parse(line.slice(6)) as FeedEvent;
      seen.push(event);
      if (isLast(event)) break;
    }
    done.abort();
    return seen;
  };

  it('are told from any position on, without a gap, and then as they happen', async () => {
    const past = await sandbox.client.get<{ items: FeedEvent[] }>('/api/v1/events?after=0&limit=1000');
    const last = past.items.at(-1)!.position;
    let caughtUp = (): void => undefined;
    const there = new Promise<void>((resolve) => {
      caughtUp = resolve;
    });
    const following = follow(0, ({ type, position }) => {
      if (position === last) caughtUp();
      return type === 'PipelineFinished' && position > last;
    });
    await there;
    await sandbox.run(SHOW);
    const seen = await following;
    const all = await sandbox.client.get<{ items: FeedEvent[] }>('/api/v1/events?after=0&limit=1000');
    expect(seen).toEqual(all.items.slice(0, seen.length));
    const middle = seen[Math.floor(seen.length / 2)]!;
    const resumed = await follow(middle.position, ({ position }) => position === seen.at(-1)!.position);
    expect(resumed).toEqual(seen.slice(seen.indexOf(middle) + 1));
  });
});
