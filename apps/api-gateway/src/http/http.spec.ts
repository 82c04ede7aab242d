import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  closeAndRemove,
  removeDirectory,
  startGateway,
  startGatewayWithProject,
  TOKEN,
  type Method,
  type StartedGateway,
} from '../gateway.fixture.ts';
import { BODY_LIMIT_BYTES } from './bodies.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
});
afterAll(() => closeAndRemove(gateway));

/** The path exactly as written: clients would tidy it up. */
const rawGet = (path: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const call = httpRequest({ host: '127.0.0.1', port: gateway.port, path, method: 'GET' }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    call.on('error', reject);
    call.end();
  });

const problem =
  (status: number, code: string) =>
  (answer: { status: number; body: { code?: string; status?: number }; type: string }) =>
    expect({ status: answer.status, body: answer.body, type: answer.type }).toMatchObject({
      status,
      type: 'application/problem+json',
      body: { code, status },
    });

describe('the body of a stranger', () => {
  it.each(['{"ref": ', `{"a":`.repeat(60), '{"__proto__": {}}'])('is not even parsed: %s', async (body) => {
    const answer = await gateway.anonymous
      .post('/api/ada/engine/pipelines')
      .set('content-type', 'application/json')
      .send(body);
    problem(401, 'unauthorized')(answer);
  });
});

const POSTS: [string, object][] = [
  ['/api/v1/projects', { owner: 'ada', name: 'engine', url: '/repos/x' }],
  ['/api/ada/engine/pipelines', { ref: 'main', variables: {} }],
  ['/api/ada/engine/variables', { key: 'A', value: 'b', protected: true, masked: false }],
  ['/api/ada/engine/secrets', { path: 'a', value: 'b' }],
  ['/api/ada/engine/subscriptions', { kind: 'slack', url: 'https://hooks.example', on: ['failed'] }],
  ['/api/v1/parked/replay', { group: 'scheduler', key: 'k' }],
  ['/api/v1/parked/discard', { group: 'scheduler', key: 'k', reason: 'r' }],
];

const WRONG = [null, 1, true, 'text', [], [['x']], { a: 1 }];
const OPTIONAL = new Set(['variables', 'protected', 'masked', 'on']);
const kindOf = (value: unknown): string => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

describe('a request', () => {
  it('for something that does not exist is told so', async () => {
    problem(404, 'not_found')(await gateway.as('get', '/no/such/route'));
    problem(404, 'not_found')(await gateway.as('get', '/api/ada/nothing/pipelines'));
    problem(404, 'not_found')(await gateway.as('get', '/api/ada/engine/pipelines/none'));
    problem(404, 'not_found')(await gateway.as('get', '/api/ada/engine/jobs/none.0'));
  });

  it('with a body that is not JSON is told so', async () => {
    const post = () => gateway.as('post', '/api/v1/projects');
    problem(400, 'malformed_json')(await post().type('application/json').send('{"owner":'));
    problem(400, 'malformed_json')(await post().type('application/json').send('['.repeat(100)));
    problem(400, 'malformed_json')(await post().type('application/json').send('{"__proto__":{"x":1}}'));
    problem(415, 'unsupported_media_type')(await post().type('text/plain').send('owner=ada'));
    problem(415, 'unsupported_media_type')(await post().type('form').send({ owner: 'ada' }));
    problem(400, 'invalid_request')(await post());
  });

  it('that is too large is told so', async () => {
    const large = JSON.stringify({ owner: 'x'.repeat(BODY_LIMIT_BYTES) });
    problem(
      413,
      'payload_too_large',
    )(await gateway.as('post', '/api/v1/projects').type('application/json').send(large));
  });

  it('with an unknown field or query is told so', async () => {
    const unknown = await gateway.as('post', '/api/ada/engine/pipelines').send({ ref: 'main', projectId: 'other' });
    problem(400, 'invalid_request')(unknown);
    expect(unknown.body.errors).toEqual([
      { pointer: '/projectId', message: expect.stringContaining('should not exist') },
    ]);
    problem(400, 'invalid_request')(await gateway.as('get', '/api/v1/projects?limits=1'));
    problem(400, 'invalid_request')(await gateway.as('get', '/api/v1/projects?limit=0'));
    problem(400, 'invalid_request')(await gateway.as('get', '/api/v1/projects?limit=1&limit=2'));
  });

  it.each([
    '/api/v1/projects',
    '/api/v1/projects/ada/engine',
    '/api/v1/runners',
    '/api/v1/webhooks/deliveries',
    '/api/ada/engine/pipelines',
    '/api/ada/engine/pipelines/none',
    '/api/ada/engine/pipelines/none/plan',
    '/api/ada/engine/jobs',
    '/api/ada/engine/jobs/none.0',
    '/api/ada/engine/jobs/none.0/why',
    '/api/ada/engine/variables',
    '/api/ada/engine/secrets',
    '/api/ada/engine/subscriptions',
    '/api/ada/engine/environments',
    '/api/ada/engine/deployments',
    '/api/ada/engine/notifications',
    '/api/ada/engine/metrics',
  ])('to read %s may name the position that it wants to see', async (path) => {
    const reached = await gateway.as('get', path);
    expect((await gateway.as('get', `${path}?minPosition=1`)).status).toBe(reached.status);
    problem(400, 'invalid_request')(await gateway.as('get', `${path}?minPosition=-1`));
    problem(400, 'invalid_request')(await gateway.as('get', `${path}?minPosition=soon`));
    problem(400, 'invalid_request')(await gateway.as('get', `${path}?position=1`));
  });

  it('to read what is not recorded yet is told to come again', async () => {
    problem(503, 'read_models_behind')(await gateway.as('get', '/api/ada/engine/jobs/none.0?minPosition=900000000'));
  });

  it.each(POSTS)('to %s with fields of other types never gets further than its checks', async (path, valid) => {
    for (const [field, right] of Object.entries(valid)) {
      const wrong = WRONG.filter(
        (value) => kindOf(value) !== kindOf(right) && !(value === null && OPTIONAL.has(field)),
      );
      for (const value of wrong) {
        const { status, body } = await gateway.as('post', path).send({ ...valid, [field]: value });
        expect({ field, value, status, code: body.code }).toEqual({
          field,
          value,
          status: 400,
          code: 'invalid_request',
        });
      }
    }
    for (const body of [[], [valid], 'text', 1, null]) {
      const answer = await gateway.as('post', path).type('application/json').send(JSON.stringify(body));
      expect({ body, status: answer.status }).toEqual({ body, status: 400 });
    }
  });

  it.each(POSTS)('to %s with a text that is far too long never gets further than its checks', async (path, valid) => {
    for (const field of Object.keys(valid)) {
      const { status } = await gateway.as('post', path).send({ ...valid, [field]: 'x'.repeat(70_000) });
      expect({ field, status }).toEqual({ field, status: 400 });
    }
  });

  it.each([
    '/api//ada/engine/pipelines',
    '/api/ada/engine/pipelines;x=/healthz',
    '/healthz/../api/ada/engine/pipelines',
    '/api/ada%2fengine/pipelines',
    '/API/ada/engine/pipelines',
    '/api/ada/engine/pipelines.jsp',
    '/api/ada/engine/pipelines/',
    '/api/ada/engine/pipelines?jsp=/healthz',
    '/healthz/%2e%2e/api/v1/events',
    '/api/%zz/engine/pipelines',
    '/api/ada/engine/variables/RPC2',
  ])('without a token reaches nothing by way of %s', async (path) => {
    expect([400, 401, 404, 405]).toContain(await rawGet(path));
  });
});

describe('a method that a path does not take', () => {
  it.each([
    ['delete', '/api/v1/projects', 'GET, HEAD, POST'],
    ['get', '/api/ada/engine/pipelines/none/cancel', 'POST'],
    ['put', '/api/ada/engine/jobs/none.0', 'GET, HEAD'],
    ['post', '/api/ada/engine/jobs/none.0/artifacts/files/a/b/c', 'GET, HEAD'],
    ['post', '/healthz?x=1', 'GET, HEAD'],
    ['options', '/api/v1/projects', 'GET, HEAD, POST'],
  ] as const)('is answered with those that it takes: %s %s', async (method, path, allow) => {
    const answer = await gateway.anonymous[method](path).set('Authorization', `Bearer ${TOKEN}`);
    problem(405, 'method_not_allowed')(answer);
    expect(answer.headers['allow']).toBe(allow);
  });

  it('is not found where there is no path at all', async () => {
    for (const path of ['/', '/api', '/api/v1/projects/', '/api/v1/projects//x', '/docs/problems/a/b'])
      problem(404, 'not_found')(await gateway.as('delete', path));
  });
});

describe('a wish that needs no body', () => {
  it.each(['jobs/none.0/retry', 'jobs/none.0/play', 'pipelines/none/cancel'])(
    'takes none but an empty one: %s',
    async (wish) => {
      const path = `/api/ada/engine/${wish}`;
      problem(404, 'not_found')(await gateway.as('post', path));
      problem(404, 'not_found')(await gateway.as('post', path).send({}));
      const unknown = await gateway.as('post', path).send({ force: true });
      problem(400, 'invalid_request')(unknown);
      expect(unknown.body.errors).toEqual([{ pointer: '/force', message: 'property force should not exist' }]);
      for (const body of ['[]', '"now"', '1', 'null'])
        problem(400, 'invalid_request')(await gateway.as('post', path).type('application/json').send(body));
    },
  );
});

describe('a path that cannot be', () => {
  const of = (path: string): Promise<{ status: number; problem: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${TOKEN}` };
      const call = httpRequest({ host: '127.0.0.1', port: gateway.port, path, headers }, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode!, problem: JSON.parse(text) as Record<string, unknown> }),
        );
      });
      call.on('error', reject);
      call.end();
    });

  it.each([
    ['a part that is too long', `/api/v1/projects/ada/${'x'.repeat(1100)}`, 414, 'uri_too_long'],
    ['a whole that is too long', `/api/v1/projects?cursor=${'x'.repeat(15_000)}`, 400, 'invalid_request'],
    ['broken escapes', '/api/ada/engine/jobs/%zz', 400, 'malformed_path'],
    ['half a character', '/api/ada/engine/jobs/%c3', 400, 'malformed_path'],
    ['a NUL', '/api/ada/engine/jobs/%00', 404, 'not_found'],
  ])('is answered as the client\u2019s mistake: %s', async (_what, path, status, code) => {
    const { problem } = await of(path);
    expect(problem).toMatchObject({ status, code, type: `/docs/problems/${code}` });
  });
});

describe('an answer that is the server\u2019s fault', () => {
  it('is in the log with its request and its error', async () => {
    const broken = await startGateway();
    await broken.ports.readStore.close();
    const answer = await broken.as('get', '/api/ada/engine/pipelines');
    problem(500, 'internal')(answer);
    expect(broken.logged).toContainEqual({
      level: 'error',
      message: expect.any(String),
      fields: {
        service: 'api-gateway',
        requestId: answer.body.requestId,
        method: 'GET',
        url: '/api/ada/engine/pipelines',
        status: 500,
        err: expect.any(Error),
      },
    });
    expect(answer.body.requestId).toMatch(/^[0-9a-z-]{5,}$/);
    await broken.close();
    removeDirectory(broken.directory);
  });

  it('says how to find it there also when it is not possible right now', async () => {
    const { body } = await gateway.as('get', '/api/v1/projects?minPosition=900000000');
    expect(gateway.logged).toContainEqual(
      expect.objectContaining({
        level: 'warn',
        fields: expect.objectContaining({ requestId: body.requestId, status: 503 }),
      }),
    );
  });
});

describe('an answer', () => {
  it('may not be run, guessed at, framed or kept', async () => {
    for (const [method, path] of [
      ['get', '/healthz'],
      ['get', '/api/v1/projects'],
      ['post', '/api/v1/projects'],
      ['get', '/none'],
    ] as [Method, string][]) {
      const { headers } = await gateway.as(method, path);
      expect(headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'content-security-policy': expect.stringContaining("default-src 'none'"),
        'cache-control': 'no-store',
      });
    }
  });

  it('of the health routes says how the server is', async () => {
    expect((await gateway.anonymous.get('/healthz').expect(200)).body).toEqual({ status: 'ok' });
    const ready = await gateway.anonymous.get('/readyz').expect(200);
    expect(ready.body).toMatchObject({ status: 'ok', readModels: { position: expect.any(Number) } });
    expect((await gateway.anonymous.get('/version').expect(200)).body).toEqual({
      name: 'foldline',
      version: '0.1.0',
      mode: 'standalone',
    });
  });

  it('never holds the token', async () => {
    const { text } = await gateway.as('get', '/api/v1/events?limit=1000').expect(200);
    expect(text).not.toContain(TOKEN);
  });
});
