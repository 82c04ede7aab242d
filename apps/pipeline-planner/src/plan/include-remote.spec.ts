import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createOutboundHttp } from '@foldline/http-outbound';
import { allowedHost } from '@foldline/kernel';
import { jobsOf, PlannerSandbox } from './planner-sandbox.fixture.ts';

const LINT = 'lint:\n  script: make lint\n';
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

let sandbox: PlannerSandbox;
let server: Server;
let listener: RequestListener;
let asked: string[];
let web: string;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url!);
    listener(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  web = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  sandbox = await PlannerSandbox.start({ includeHosts: [allowedHost(web)!], allowPrivateTargets: true });
});
afterAll(async () => {
  await sandbox.stop();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

beforeEach(() => {
  asked = [];
  listener = (_request, response) => response.end(LINT);
});

describe('A remote file', () => {
  const answer = (...statuses: number[]): void => {
    listener = (_request, response) => response.writeHead(statuses.shift() ?? 200).end(LINT);
  };

  it('is read once, and not again when the request is delivered again', async () => {
    const request = await sandbox.requested(`include: ${web}/lint.yml?ref=main`);
    const [planned, ...others] = await sandbox.outcomesOf(request, 2);
    expect(others).toEqual([]);
    expect(planned!.data).toMatchObject({
      plan: { included: [{ kind: 'remote', url: `${web}/lint.yml`, sha256: hashOf(LINT) }] },
    });
    expect(asked).toEqual(['/lint.yml?ref=main']);
  });

  it('is asked for again where that may help', async () => {
    answer(503, 200);
    expect(jobsOf(await sandbox.planOf(`include: ${web}/lint.yml`))).toEqual(['lint', 'test']);
    expect(asked).toHaveLength(2);
  });

  it('is given up, and told as a problem, when that does not help', async () => {
    answer(503, 503, 503, 200);
    expect(await sandbox.problemsOf(`include: ${web}/lint.yml?token=x`)).toMatchObject([
      { code: 'include-unreachable', message: `\`${web}/lint.yml\` could not be read: its server answered 503.` },
    ]);
    expect(asked).toHaveLength(3);
  });

  it.each([
    [302, 'include-unreachable'],
    [401, 'include-unreachable'],
    [404, 'include-missing-file'],
  ])('that is answered with %d is asked for once and told as %s', async (status, code) => {
    answer(status);
    expect(await sandbox.problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code }]);
    expect(asked).toHaveLength(1);
  });

  it('that is too large is refused', async () => {
    listener = (_request, response) => response.end('x'.repeat(600_000));
    expect(await sandbox.problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code: 'include-too-large' }]);
  });

  it('that is no text is refused', async () => {
    listener = (_request, response) => response.end(Buffer.from([0xff, 0xfe, 0x00]));
    expect(await sandbox.problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code: 'binary-content' }]);
  });

  it('with its hash is read', async () => {
    const hash = createHash('sha256').update(LINT).digest('base64');
    const plan = await sandbox.planOf(`include: [{ remote: '${web}/lint.yml', integrity: sha256-${hash} }]`);
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
  });

  it('with the hash of another is refused', async () => {
    const hash = createHash('sha256').update('other').digest('base64');
    expect(
      await sandbox.problemsOf(`include: [{ remote: '${web}/lint.yml', integrity: sha256-${hash} }]`),
    ).toMatchObject([{ code: 'include-integrity' }]);
  });

  it('of a host that is not named is not asked for, and the problem names the setting', async () => {
    const elsewhere = web.replace('127.0.0.1', 'localhost');
    const [problem] = await sandbox.problemsOf(`include: ${elsewhere}/lint.yml`);
    expect(problem).toMatchObject({
      code: 'include-not-allowed',
      hint: expect.stringContaining('FOLDLINE_INCLUDE_HOSTS'),
    });
    expect(asked).toEqual([]);
  });

  it('of a private address is not asked for where the operator does not allow that', async () => {
    const outboundHttp = createOutboundHttp({ allowPrivateTargets: false });
    const problems = await sandbox.problemsWith({ outboundHttp }, `include: ${web}/lint.yml`);
    expect(problems).toMatchObject([{ code: 'include-not-allowed' }]);
    expect(asked).toEqual([]);
  });
});
