import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COLLECTION, type ServiceDeploymentDoc } from '@foldline/contracts';
import type { Document } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { DeliveryMetrics } from './delivery-metrics.queries.ts';

const MINUTE_MS = 60_000;
const collection = COLLECTION.serviceDeployments;
const { indexes } = READ_MODELS.find((projection) => projection.collection === collection)!;

let gateway: StartedGateway;
beforeEach(async () => {
  gateway = await startGateway();
});
afterEach(() => closeAndRemove(gateway));

/** One deployment of service 1 in project 1 each minute, the last half a minute ago; the first ones still wait. */
const deployed = async (count: number, waiting = 0): Promise<ServiceDeploymentDoc[]> => {
  const last = Date.now() - MINUTE_MS / 2;
  const docs = Array.from({ length: count }, (_, n) => ({
    id: `d${n}`,
    number: n + 1,
    service: { number: 1, name: 'shop' },
    projectNumber: 1,
    status: n < waiting ? 'deploying' : 'success',
    createdAt: new Date(last - (count - 1 - n) * MINUTE_MS).toISOString(),
  })) as unknown as ServiceDeploymentDoc[];
  const writes = docs.map((doc) => ({ collection, id: doc.id, doc, indexes: indexes(doc as Document) }));
  await gateway.ports.readStore.apply('spec', 1, writes);
  return docs;
};
const measured = async (range: string, of = { project: 1, service: 1 }) =>
  (await gateway.app.get(DeliveryMetrics).of(of, { range })).deployments;

describe('What is measured of deployments', () => {
  it('was asked for in the range', async () => {
    await deployed(130);
    expect((await measured('1h')).count).toBe(60);
    expect((await measured('2h')).count).toBe(120);
    expect((await measured('1d')).count).toBe(130);
    expect((await measured('1d', { project: 1, service: 2 })).count).toBe(0);
  });

  it('are the newest thousand, and the range says since when', async () => {
    const docs = await deployed(1100);
    const { count, from, perDay } = await measured('1d');
    expect({ count, from }).toEqual({ count: 1000, from: docs[100]!.createdAt });
    expect(perDay).toBeCloseTo(1440, -1);
  });

  it('counts what waits, however long it has', async () => {
    await deployed(1100, 2);
    expect((await measured('1h')).queue).toEqual({ queued: 2, running: 0 });
    expect((await measured('1h', { project: 2, service: 1 })).queue).toEqual({ queued: 0, running: 0 });
    expect(Object.fromEntries(await gateway.app.get(DeliveryMetrics).deploymentCounts())).toEqual({
      queued: 2,
      deploying: 0,
      success: 1098,
      failed: 0,
      rolled_back: 0,
    });
  });
});
