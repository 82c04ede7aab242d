import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { triggerStream } from '@foldline/contracts';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => closeAndRemove(gateway));

const steps = [{ name: 'a', run: 'true' }];
const submit = (body: object) =>
  gateway.as('post', '/jobs/submit').send({ repo: gateway.repository.url, steps, ...body });

describe('A lockfile of a job', () => {
  it('is the same one however its path is written', async () => {
    const job = { id: 'written', cacheKeys: ['web/package-lock.json'] };
    const { body: first } = await submit(job).expect(202);
    const { body: again } = await submit({
      ...job,
      cacheKeys: ['./web//package-lock.json', 'web/package-lock.json'],
    }).expect(202);
    expect(again.pipelineId).toBe(first.pipelineId);
  });

  it.each(['/package-lock.json', '../package-lock.json', '$HOME/package-lock.json'])(
    'is a path inside the repository: not %s',
    async (path) => {
      const { body } = await submit({ cacheKeys: [path] }).expect(400);
      const message = 'each lockfile is a path inside the repository, without variables';
      expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/cacheKeys', message }] });
    },
  );
});

describe('A job that cannot be', () => {
  it.each([
    [{ repo: 'ftp://forge.example/ada/engine' }, 422, 'invalid_url', '/repo'],
    [{ repo: 'https://ada:secret@forge.example/ada/engine' }, 422, 'invalid_url', '/repo'],
    [{ repo: '/nowhere/engine' }, 422, 'repository_unreachable', '/repo'],
    [{ commit: '--upload-pack=x' }, 422, 'invalid_ref', '/commit'],
    [{ branch: 'a..b' }, 422, 'invalid_ref', '/branch'],
    [{ commit: 'no-such' }, 422, 'unknown_ref', '/commit'],
    [{ branch: 'no-such' }, 422, 'unknown_ref', '/branch'],
    [{ commit: 'abc' }, 422, 'unknown_ref', '/commit'],
    [{ commit: '0123456', branch: 'no-such' }, 422, 'unknown_ref', '/branch'],
    [{ commit: 'develop', branch: 'main' }, 422, 'unknown_ref', '/commit'],
  ])('says which of its fields is wrong: %j', async (body, status, code, pointer) => {
    const { body: told } = await submit(body).expect(status);
    expect(told).toMatchObject({ code, errors: [{ pointer, message: told.detail }] });
  });
});

describe('The commit of a job (S1-04)', () => {
  it('may be another name of one that its branch has, for which it runs', async () => {
    const { body } = await submit({ id: 'of-develop', commit: 'main', branch: 'develop' }).expect(202);
    const [request] = await gateway.ports.eventStore.readStream(triggerStream(body.pipelineId), 0, 1);
    const { main: sha } = gateway.repository;
    expect(request!.data).toMatchObject({ ref: { name: 'develop', kind: 'branch' }, sha });
  });
});
