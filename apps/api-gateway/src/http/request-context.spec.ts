import { describe, expect, it } from '@jest/globals';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { logFields } from '@foldline/kernel';
import { idsOfRequest, nameRequests } from './request-context.ts';

const asked = (url: string | undefined, id: string): object => {
  const { service, requestId, ...about } = idsOfRequest({ id: 'r1', routeOptions: { url }, params: { id } });
  expect([service, requestId]).toEqual(['api-gateway', 'r1']);
  return about;
};

describe('what a request is about', () => {
  it.each([
    ['/api/:owner/:repo/pipelines/:id', 'p1', { pipelineId: 'p1' }],
    ['/api/:owner/:repo/pipelines/:id/cancel', 'p1', { pipelineId: 'p1' }],
    ['/api/:owner/:repo/jobs/:id', 'p1.2', { pipelineId: 'p1', jobId: 'p1.2' }],
    ['/api/:owner/:repo/jobs/:id/artifacts/files/*', 'p1.2', { pipelineId: 'p1', jobId: 'p1.2' }],
    ['/api/:owner/:repo/subscriptions/:id', 's1', {}],
    ['/api/:owner/:repo/pipelines', 'p1', {}],
    [undefined, 'p1', {}],
  ])('on %s is what its id names', (url, id, about) => {
    expect(asked(url, id)).toEqual(about);
  });

  it.each(['', 'p 1', '../p1', 'p1\n{"level":50}', 'p'.repeat(65)])('is nothing that is no id: %j', (id) => {
    expect(asked('/api/:owner/:repo/pipelines/:id', id)).toEqual({});
    expect(asked('/api/:owner/:repo/jobs/:id', id)).toEqual({});
  });

  it('is nothing where a request has no parameters', () => {
    expect(idsOfRequest({ id: 'r1', routeOptions: {}, params: undefined })).toEqual({
      service: 'api-gateway',
      requestId: 'r1',
    });
  });
});

describe('what a handler logs', () => {
  it('names its request, also when that came with a body, and others are under way', async () => {
    const server = new FastifyAdapter().getInstance();
    nameRequests(server);
    server.post('/api/:owner/:repo/pipelines/:id/cancel', async () => {
      await new Promise((resolve) => setImmediate(resolve));
      return logFields();
    });
    const url = await server.listen({ host: '127.0.0.1', port: 0 });
    const cancel = async (id: string): Promise<unknown> => {
      const body = JSON.stringify({ much: 'x'.repeat(100_000) });
      const headers = { 'content-type': 'application/json' };
      return (await fetch(`${url}/api/ada/engine/pipelines/${id}/cancel`, { method: 'POST', headers, body })).json();
    };
    const fields = await Promise.all(['p1', 'p2', 'p3'].map(cancel));
    await server.close();
    expect(fields).toEqual(
      ['p1', 'p2', 'p3'].map((pipelineId) => ({
        service: 'api-gateway',
        requestId: expect.any(String),
        pipelineId,
      })),
    );
  });
});
