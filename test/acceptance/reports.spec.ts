import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jobNamed, PROJECT, Sandbox, START_MS, until } from '@foldline/client';

type Statistics = {
  tests: { reports: number; tests: number; failed: number; durationMs: number; slowest: { name: string }[] };
  flakyTests: { suite: string; name: string; job: string; times: number }[];
  security: {
    vulnerabilities: Record<string, number>;
    scans: { scanner: string; kind: string; critical: number }[];
    coverage: Record<string, boolean>;
  };
};
type Told = { type: string; rule: string; value: number; project: string };

let sandbox: Sandbox;
let server: Server;
const received: Told[] = [];

beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true' });
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push(JSON.parse(Buffer.concat(chunks).toString()) as Told);
      response.writeHead(204).end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/alerts`;
  await sandbox.client.post(`/api/${PROJECT}/subscriptions`, { kind: 'webhook', url, on: ['alert'] });
}, START_MS);
afterAll(async () => {
  await sandbox?.stop();
  server.close();
}, START_MS);

/** The statistics once they show it: tests and scans are counted behind the end of what they were found in. */
const statistics = (isThere: (found: Statistics) => boolean): Promise<Statistics> =>
  until('the statistics to show it', async () => {
    const found = await sandbox.client.get<Statistics>(`/api/${PROJECT}/statistics?range=hour`);
    return isThere(found) && found;
  });

/** Two tests, of which the second fails as long as nobody has run it; `first` is the name of the other one. */
const suiteOf = (first: string): string => `
if [ -e "$MARK" ]; then end=''; else end='<failure/>'; fi
echo "<testsuite><testcase classname='Cart' name='${first}' time='0.2'/>" > junit.xml
echo "<testcase classname='Cart' name='pays' time='0.1'>$end</testcase></testsuite>" >> junit.xml
if [ -z "$end" ]; then exit 0; fi
touch "$MARK"
exit 1
`;
const unit = (mark: string): string => `unit:
  retry: 1
  variables: { MARK: ${sandbox.directory}/${mark} }
  script: sh suite.sh
  artifacts: { reports: { junit: junit.xml } }
`;

describe('S3-39 tests', () => {
  it('are counted by what their reports say, and one that passes at the second attempt is flaky', async () => {
    const pipeline = await sandbox.run(unit('one'), { 'suite.sh': suiteOf('adds') });
    expect(pipeline).toMatchObject({ status: 'success', jobs: [{ attempt: 2 }] });
    const job = await sandbox.client.get(`/api/${PROJECT}/jobs/${jobNamed(pipeline, 'unit').id}`);
    expect(job).toMatchObject({ tests: { tests: 2, failed: 0, errored: 0, skipped: 0, durationMs: 300 } });
    const { tests, flakyTests } = await statistics((found) => found.flakyTests.length > 0);
    expect(tests).toMatchObject({ reports: 2, tests: 4, failed: 1, durationMs: 600, slowest: [{ name: 'adds' }, {}] });
    expect(flakyTests).toMatchObject([{ suite: 'Cart', name: 'pays', job: 'unit', times: 1 }]);
  });

  it('are flaky when they have passed, and not when they are not there any more', async () => {
    const pipeline = await sandbox.run(unit('two'), { 'suite.sh': suiteOf('adds $CI_JOB_ATTEMPT') });
    expect(pipeline).toMatchObject({ status: 'success', jobs: [{ attempt: 2 }] });
    const { flakyTests } = await statistics((found) => found.flakyTests[0]!.times === 2);
    expect(flakyTests.map(({ name }) => name)).toEqual(['pays']);
  });

  it('whose report cannot be read are told in the log, and the job ends as it would', async () => {
    const laughs = '<!DOCTYPE t [<!ENTITY a "ha">]><testsuite><testcase name="&a;"/></testsuite>';
    const definition = "broken:\n  script: 'true'\n  artifacts: { reports: { junit: laughs.xml } }\n";
    const pipeline = await sandbox.run(definition, { 'laughs.xml': laughs });
    expect(pipeline.status).toBe('success');
    const log = await until('the log', async () => {
      const text = await sandbox.log(pipeline.jobs[0]!.id);
      return text.includes('not counted') && text;
    });
    expect(log).toContain('laughs.xml is not counted: it declares a document type');
  });
});

const scanned = (critical: number): string =>
  JSON.stringify({
    version: '15.0.0',
    scan: { type: 'sast', scanner: { id: 'semgrep', name: 'Semgrep' } },
    vulnerabilities: [
      ...Array.from({ length: critical }, (_, n) => ({ id: `c${n}`, severity: 'Critical' })),
      { id: 'l', severity: 'Low' },
    ],
  });
const scan = (critical: number) =>
  sandbox.run("scan:\n  script: 'true'\n  artifacts: { reports: { sast: found.json } }\n", {
    'found.json': scanned(critical),
  });

describe('S4-39, S4-43 vulnerabilities', () => {
  it('are counted by severity, by what the newest scans say', async () => {
    await scan(2);
    const { security } = await statistics((found) => found.security.scans.length > 0);
    expect(security).toMatchObject({
      vulnerabilities: { critical: 2, high: 0, low: 1 },
      scans: [{ kind: 'sast', scanner: 'Semgrep', critical: 2 }],
      coverage: { sast: true, dast: false, secret_detection: false },
    });
  });

  it('are told to who subscribed to alerts when they are critical, and when they are gone', async () => {
    await scan(0);
    await until('both messages', () => received.filter(({ rule }) => rule === 'critical_vulnerabilities').length >= 2);
    const told = received.filter(({ rule }) => rule === 'critical_vulnerabilities');
    expect(told.map(({ type, value, project }) => [type, value, project]).toSorted()).toEqual([
      ['alert.firing', 2, PROJECT],
      ['alert.resolved', 0, PROJECT],
    ]);
    await statistics(({ security }) => security.vulnerabilities['critical'] === 0);
  });
});
