import { describe, expect, it } from '@jest/globals';
import { removeDirectory, startGateway } from '../gateway.fixture.ts';

describe('a gateway that was started again', () => {
  it('still knows idempotency keys, and shows the same documents', async () => {
    const before = await startGateway();
    const { url } = before.repository;
    await before.as('post', '/api/v1/projects').send({ owner: 'ada', name: 'engine', url }).expect(201);
    const ask = (gateway: typeof before, ref: string) =>
      gateway.as('post', '/api/ada/engine/pipelines').set('Idempotency-Key', 'kept').send({ ref });
    const first = await ask(before, 'main').expect(202);
    await before.close();

    const after = await startGateway(before.directory);
    const again = await ask(after, 'main').expect(202);
    expect(again.body).toEqual(first.body);
    expect(again.headers['idempotent-replayed']).toBe('true');
    await ask(after, 'develop').expect(422);
    await after.as('get', first.headers.location!).expect(200);
    await after.close();
    removeDirectory(before.directory);
  });
});
