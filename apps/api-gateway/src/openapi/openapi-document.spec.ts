import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { closeAndRemove, startGateway, type StartedGateway } from '../gateway.fixture.ts';
import { CONTROLLERS } from './docs.controller.ts';
import { routesOf, type Route } from './openapi-document.ts';

type Operation = {
  summary: string;
  security: unknown[];
  responses: Record<string, { description: string }>;
  requestBody?: unknown;
};
type Document = { openapi: string; paths: Record<string, Record<string, Operation>> };

let gateway: StartedGateway;
let document: Document;
let routes: Route[];
/** `GET /a/:b` of every route that Fastify was given. */
const served: string[] = [];

beforeAll(async () => {
  gateway = await startGateway(undefined, (app) => {
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRoute', ({ method, url }) => {
        for (const name of [method].flat()) served.push(`${name} ${url}`);
      });
  });
  document = (await gateway.anonymous.get('/api/openapi.json').expect(200)).body;
  routes = routesOf(gateway.app.get<() => []>(CONTROLLERS)());
});
afterAll(() => closeAndRemove(gateway));

describe('the API document', () => {
  it('names exactly the routes that are served', () => {
    const described = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
    );
    const inDocument = served
      .filter((route) => !/^(?:HEAD|OPTIONS) /.test(route))
      .map((route) => route.replace('*', ':path'));
    expect(described.toSorted()).toEqual(inDocument.toSorted());
    expect(described.length).toBeGreaterThan(41);
  });

  it('names the same routes as docs/api.md', () => {
    const page = readFileSync(new URL('../../../../docs/api.md', import.meta.url), 'utf8');
    const told = [...page.matchAll(/`(GET|POST|PUT|PATCH|DELETE) (\/[^`?]+)(?:\?[^`]*)?`/g)].map(
      ([, method, path]) => `${method} ${path}`,
    );
    const wanted = routes.map(({ method, path }) => `${method} ${path}`);
    expect([...new Set(told)].toSorted()).toEqual(wanted.toSorted());
  });

  it('says of every route what it does, who may and what can go wrong', () => {
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const name = `${method} ${path}`;
        expect({ name, told: operation.summary.length > 10 }).toEqual({ name, told: true });
        expect({ name, problems: '500' in operation.responses }).toEqual({ name, problems: true });
        expect({ name, denied: '401' in operation.responses || operation.security.length === 0 || name }).toMatchObject(
          { name },
        );
      }
    }
  });

  it('describes the bodies that routes take', () => {
    const { requestBody } = document.paths['/api/{owner}/{repo}/variables']!.post!;
    expect(requestBody).toEqual({
      required: true,
      content: {
        'application/json': {
          schema: {
            type: 'object',
            additionalProperties: false,
            properties: {
              description: { type: 'string', maxLength: 255 },
              environment_scope: { type: 'string', pattern: expect.any(String) },
              key: { type: 'string', minLength: 1, maxLength: 255 },
              masked: { type: 'boolean' },
              masked_and_hidden: { type: 'boolean' },
              protected: { type: 'boolean' },
              raw: { type: 'boolean' },
              value: { type: 'string', maxLength: 65536 },
              variable_type: { enum: ['env_var', 'file'] },
            },
            required: ['key', 'value'],
          },
        },
      },
    });
  });

  it('has a page for every problem that it names', async () => {
    const codes = new Set(
      Object.values(document.paths).flatMap((operations) =>
        Object.values(operations).flatMap(({ responses }) =>
          Object.values(responses).flatMap(({ description }) =>
            (/^Problem: (.*)$/.exec(description)?.[1] ?? '').split(', '),
          ),
        ),
      ),
    );
    for (const code of [...codes].filter(Boolean))
      await gateway.anonymous.get(`/docs/problems/${code}`).expect(200).expect(new RegExp(code));
    await gateway.anonymous.get('/docs/problems/constructor').expect(404);
  });

  it('has a page for every problem of a definition', async () => {
    const names = readdirSync(new URL('../../../../docs/problems/', import.meta.url));
    expect(names.length).toBeGreaterThan(40);
    for (const code of names.map((name) => name.replace('.md', ''))) {
      const { body } = await gateway.anonymous.get(`/docs/problems/${code}`).expect(200);
      expect(body).toEqual({
        code,
        about: 'definition',
        title: expect.stringMatching(/^[A-Z`].*[.`]$/s),
        fix: expect.stringMatching(/^[A-Z`]/),
        page: expect.stringContaining(`# ${code}`),
      });
    }
  });

  it.each(['script_failure', 'job_timeout', 'runner_lost', 'preempted'])(
    'has a page for the reason of a job that failed: %s',
    async (code) => {
      const { body } = await gateway.anonymous.get(`/docs/problems/${code}`).expect(200);
      expect(body).toEqual({ code, about: 'job', title: expect.any(String), fix: expect.any(String) });
    },
  );

  it.each([
    ['unknown-keywords', 'Did you mean unknown-keyword?'],
    ['script-failure', 'Did you mean script_failure?'],
    ['..%2f..%2fREADME', undefined],
    ['constructor', undefined],
  ])('has no page for %s, and says which there are', async (code, hint) => {
    const { body } = await gateway.anonymous.get(`/docs/problems/${code}`).expect(404);
    expect(body).toMatchObject({ code: 'not_found', codes: expect.arrayContaining(['needs-cycle', 'not_manual']) });
    expect(body.hint).toBe(hint);
  });

  it('is shown by a page that loads nothing from elsewhere', async () => {
    const { text, headers } = await gateway.anonymous.get('/api/docs').expect(200);
    expect(text).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    const nonce = /script type="module" nonce="([^"]+)"/.exec(text)![1]!;
    expect(headers['content-security-policy']).toContain(`script-src 'nonce-${nonce}'`);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });
});

describe('the schema of a definition', () => {
  it('is there for any editor, without a token', async () => {
    const { body, headers } = await gateway.anonymous.get('/api/v1/pipeline.schema.json').expect(200);
    expect(headers['content-type']).toMatch(/^application\/schema\+json/);
    expect(body).toMatchObject({ $schema: 'http://json-schema.org/draft-07/schema#', $id: 'urn:foldline:pipeline' });
    const page = readFileSync(new URL('../../../../docs/pipeline.schema.json', import.meta.url), 'utf8');
    expect(body).toEqual(JSON.parse(page));
  });
});

describe('routes', () => {
  it('that answer anybody are these and no others', () => {
    expect(
      routes
        .filter(({ isPublic }) => isPublic)
        .map(({ method, path }) => `${method} ${path}`)
        .toSorted(),
    ).toEqual([
      'GET /api/docs',
      'GET /api/openapi.json',
      'GET /api/v1/pipeline.schema.json',
      'GET /dashboard',
      'GET /dashboard/script.js',
      'GET /dashboard/style.css',
      'GET /docs/problems/:code',
      'GET /healthz',
      'GET /readyz',
      'GET /version',
      'POST /v1/webhooks/github',
    ]);
  });

  it('answer HEAD to nobody either', async () => {
    for (const { path } of routes.filter(({ isPublic, method }) => !isPublic && method === 'GET')) {
      const { status } = await gateway.anonymous.head(path.replaceAll(/[:*]\w*/g, 'x'));
      expect({ path, status }).toEqual({ path, status: 401 });
    }
  });

  it('all others demand the token', async () => {
    const closed = routes.filter(({ isPublic }) => !isPublic);
    expect(closed.length).toBeGreaterThan(30);
    for (const { method, path } of closed) {
      const url = path.replaceAll(/[:*]\w*/g, 'x');
      const call = method.toLowerCase() as 'get' | 'post' | 'delete';
      for (const header of [undefined, 'Bearer ', 'Bearer wrong', 'Basic eDp4', 'bearer  ']) {
        const request = gateway.anonymous[call](url);
        const { status, type } = await (header === undefined ? request : request.set('Authorization', header));
        expect({ route: `${method} ${url}`, header, status, type }).toEqual({
          route: `${method} ${url}`,
          header,
          status: 401,
          type: 'application/problem+json',
        });
      }
    }
  });
});
