import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  commitTestsId,
  type ArtifactSpec,
  type CommitTestsDoc,
  type PipelineContext,
  type ReadReport,
} from '@foldline/contracts';
import { TransientError, type ReadStore } from '@foldline/kernel';
import { openEmbeddedReadStore } from '@foldline/read-store-embedded';
import { plannedJob, sampleContext } from '@foldline/testing';
import type { AttemptFact } from '../execution/attempt.decider.ts';
import type { JobScene } from '../execution/job-scene.ts';
import { textMasker } from '../masking/secret-masker.ts';
import { REPORT_LIMITS } from './report-limits.ts';
import { hasReports, readReports } from './read-reports.ts';

let directory: string;
let workspace: string;
let reads: ReadStore;
let lines: string[];
let facts: AttemptFact[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-reports-'));
  workspace = join(directory, 'workspace');
  mkdirSync(workspace);
  reads = await openEmbeddedReadStore({ directory: join(directory, 'reads') });
  [lines, facts] = [[], []];
});
afterEach(async () => {
  await reads.close();
  rmSync(directory, { recursive: true, force: true });
});

const write = (path: string, text: string): string => {
  const place = join(workspace, path);
  mkdirSync(dirname(place), { recursive: true });
  writeFileSync(place, text);
  return place;
};
type Reports = Partial<Record<ReadReport, string[]>>;
const sceneOf = (readReports: Reports | undefined, context: Partial<PipelineContext> = {}, exclude: string[] = []) => {
  const artifacts: ArtifactSpec = { paths: [], exclude, when: 'on_success', reports: [] };
  return {
    assignment: {
      job: plannedJob(0, 'unit 1/2', {
        definition: 'unit',
        artifacts: { ...artifacts, ...(readReports && { readReports }) },
      }),
      context: { ...sampleContext, ...context },
    },
    about: { attemptId: 'p1.0.1', pipelineId: 'p1', jobId: 'p1.0', attempt: 1 },
    workspace,
    variables: { DIR: 'out' },
    hide: textMasker(['hunter2-long']),
    tell: (line: string) => lines.push(line),
    warn: (line: string) => lines.push(`WARNING ${line}`),
    record: (fact: AttemptFact) => facts.push(fact),
  } as unknown as JobScene;
};
const told = async (reports: Reports, context?: Partial<PipelineContext>, exclude?: string[]) => {
  await readReports(sceneOf(reports, context, exclude), reads);
  return facts.map(({ type, data }) => ({ type, ...data }));
};
const suite = (...cases: string[]): string => `<testsuite name="s">${cases.join('')}</testsuite>`;
const found = (...severities: string[]): string =>
  JSON.stringify({
    scan: { scanner: { name: 'Semgrep' } },
    vulnerabilities: severities.map((severity) => ({ severity })),
  });
const PLACE = commitTestsId(sampleContext.project.id, sampleContext.sha, 'unit 1/2');

describe('The reports of tests', () => {
  it('are told as one fact, whatever the number of files', async () => {
    write('out/a.xml', suite('<testcase name="x" time="1"/>'));
    write('out/b/c.xml', suite('<testcase name="y" time="2"><failure/></testcase>'));

    expect(await told({ junit: ['$DIR/**/*.xml'] })).toMatchObject([
      {
        type: 'TestsReported',
        attemptId: 'p1.0.1',
        projectId: 'pr1',
        sha: sampleContext.sha,
        job: 'unit',
        place: 'unit 1/2',
        tests: 2,
        failed: 1,
        durationMs: 3000,
        failures: [{ suite: 's', name: 'y' }],
        passedNow: [],
      },
    ]);
    expect(lines).toEqual(['Counted 2 tests: 1 failed, 0 broke off, 0 were skipped']);
  });

  it('tell which tests have passed now that have failed at this commit', async () => {
    const doc = { failures: ['s\nx', 's\ny', 's\ngone'] } as CommitTestsDoc;
    await reads.apply('m', 1, [{ collection: COLLECTION.commitTests, id: PLACE, doc, indexes: {} }]);
    write('a.xml', suite('<testcase name="x"/>', '<testcase name="y"><error/></testcase>'));

    expect(await told({ junit: ['a.xml'] })).toMatchObject([{ passedNow: [{ suite: 's', name: 'x' }] }]);
  });

  it('are told without that where the read store does not answer', async () => {
    write('a.xml', suite('<testcase name="x"/>'));
    const away = { get: () => Promise.reject(new TransientError('away')) };

    await readReports(sceneOf({ junit: ['a.xml'] }), away);

    expect(facts).toMatchObject([{ data: { tests: 1, passedNow: [] } }]);
    expect(lines[0]).toContain('WARNING it is not known now');
  });

  it('are of the job of their parent as well, in a child pipeline', async () => {
    write('a.xml', suite());
    const upstream = { pipelineId: 'p0', jobId: 'p0.7', attempt: 1, project: 'ada/engine', depth: 1, budget: 9 };

    const [child] = await told({ junit: ['a.xml'] }, { source: 'parent_pipeline', upstream });
    const [, other] = await told({ junit: ['a.xml'] }, { source: 'pipeline', upstream });

    expect([child, other]).toMatchObject([{ place: '7/unit 1/2' }, { place: 'unit 1/2' }]);
  });

  it('have names without secrets, on one line and not too long', async () => {
    write('a.xml', suite(`<testcase name="a hunter2-long&#10;b${'x'.repeat(500)}"><failure/></testcase>`));

    const [{ failures }] = (await told({ junit: ['a.xml'] })) as unknown as [{ failures: { name: string }[] }];

    expect(failures[0]!.name).toMatch(/^a \[masked\] bx+$/);
    expect(failures[0]!.name).toHaveLength(300);
  });

  it('are nothing where no file could be read, and the log tells why', async () => {
    write('a.xml', '<html/>');

    expect(await told({ junit: ['a.xml', 'b.xml'] })).toEqual([]);
    expect(lines).toEqual(['WARNING a.xml is not counted: it is no JUnit report']);
  });

  it('are without the file that cannot be read', async () => {
    write('a.xml', suite('<testcase name="x"/>'));
    write('b.xml', '<testsuite><testcase name="y"/>');

    expect(await told({ junit: ['*.xml'] })).toMatchObject([{ tests: 1 }]);
    expect(lines[0]).toContain('WARNING b.xml is not counted: it is not well-formed XML');
  });
});

describe('The reports of scanners', () => {
  it('are told for each scanner, its files added up', async () => {
    write('a.json', found('Critical', 'Low'));
    write('b.json', found('Critical'));
    write(
      'c.sarif',
      JSON.stringify({ runs: [{ tool: { driver: { name: 'CodeQL' } }, results: [{ level: 'error' }] }] }),
    );

    expect(await told({ sast: ['*.json', '*.sarif'] }, { createdAt: '2030-01-01T00:00:00.000Z' })).toMatchObject([
      {
        type: 'VulnerabilitiesReported',
        kind: 'sast',
        scanner: 'Semgrep',
        critical: 2,
        low: 1,
        high: 0,
        ofDefaultBranch: true,
        root: sampleContext.pipelineId,
        requestedAt: '2030-01-01T00:00:00.000Z',
      },
      { scanner: 'CodeQL', critical: 0, high: 1 },
    ]);
    expect(lines[0]).toBe('Counted what Semgrep found: 2 critical, 0 high, 0 medium, 1 low, 0 info, 0 unknown');
  });

  it('of other branches are not of the default branch', async () => {
    write('a.json', found());
    const [scan] = await told({ dast: ['a.json'] }, { ref: { ...sampleContext.ref, name: 'topic' } });
    expect(scan).not.toHaveProperty('ofDefaultBranch');
  });

  it('are of so many scanners at most', async () => {
    const runs = Array.from({ length: 30 }, (_, n) => ({ tool: { driver: { name: `s${n}` } } }));
    write('a.sarif', JSON.stringify({ runs }));

    expect(await told({ container_scanning: ['a.sarif'] })).toHaveLength(20);
    expect(lines[0]).toContain('WARNING only the first 20');
  });
});

describe('Files that a job names as reports', () => {
  it('are only those that the runner knows how to read', () => {
    expect(hasReports(sceneOf({ junit: ['a.xml'] }))).toBe(true);
    expect(hasReports(sceneOf(undefined))).toBe(false);
  });

  it('are not what is excluded', async () => {
    write('a.xml', suite('<testcase name="x"/>'));
    write('b.xml', suite('<testcase name="y"/>'));
    expect(await told({ junit: ['*.xml'] }, {}, ['b.xml'])).toMatchObject([{ tests: 1 }]);
  });

  it('are not reached through links, and nothing outside of the workspace is', async () => {
    const outside = join(directory, 'outside');
    mkdirSync(outside);
    writeFileSync(join(outside, 'a.xml'), suite('<testcase name="x"/>'));
    symlinkSync(join(outside, 'a.xml'), join(workspace, 'a.xml'));
    symlinkSync(outside, join(workspace, 'out'));

    expect(await told({ junit: ['a.xml', 'out/a.xml', 'out/**/*.xml', '../outside/a.xml'] })).toEqual([]);
  });

  it('are not what nobody would ever read to its end', async () => {
    execFileSync('mkfifo', [join(workspace, 'a.xml')]);
    expect(await told({ junit: ['a.xml'] })).toEqual([]);
  });

  it('are not read when they are too large, one of them or all together', async () => {
    truncateSync(write('large.xml', ''), 100 * 1024 * 1024);
    for (let n = 0; n < 6; n += 1) truncateSync(write(`many/${n}.xml`, ''), REPORT_LIMITS.fileBytes);

    expect(await told({ junit: ['large.xml', 'many/*.xml'] })).toEqual([]);
    expect(lines[0]).toBe('WARNING large.xml is not counted: it has more than 20971520 bytes');
    expect(lines.at(-1)).toBe('WARNING many/5.xml is not counted: the reports have more than 104857600 bytes');
  });

  it('are so many at most, and that is told once', async () => {
    for (let n = 0; n < REPORT_LIMITS.files + 3; n += 1) write(`${n}.xml`, suite('<testcase name="x"/>'));

    expect(await told({ junit: ['*.xml'] })).toMatchObject([{ tests: REPORT_LIMITS.files }]);
    expect(lines[0]).toBe('WARNING 3 reports are not counted: at most 1000 are');
  });
});
