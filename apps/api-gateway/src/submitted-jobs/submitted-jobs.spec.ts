import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';

let gateway: StartedGateway;
beforeAll(async () => {
  gateway = await startGateway();
});
afterAll(() => closeAndRemove(gateway));

const steps = [{ name: 'a', run: 'true' }];
const submit = (body: object) =>
  gateway.as('post', '/jobs/submit').send({ repo: gateway.repository.url, steps, ...body });

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
  ])('says which of its fields is wrong: %j', async (body, status, code, pointer) => {
    const { body: told } = await submit(body).expect(status);
    expect(told).toMatchObject({ code, errors: [{ pointer, message: told.detail }] });
  });
});
