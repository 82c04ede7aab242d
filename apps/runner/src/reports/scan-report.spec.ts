import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { NO_FINDINGS } from '@foldline/contracts';
import { readScanReport } from './scan-report.ts';

const read = (report: unknown) => readScanReport(Buffer.from(JSON.stringify(report)));
const gitlab = (severities: unknown[], scanner: unknown = { name: 'Semgrep' }) =>
  read({
    version: '15.0.0',
    scan: { scanner, type: 'sast' },
    vulnerabilities: severities.map((severity) => ({ severity })),
  });
const sarif = (results: unknown[], rules: unknown[] = []) =>
  read({ version: '2.1.0', runs: [{ tool: { driver: { name: 'CodeQL', rules } }, results }] })[0]!.counts;

describe('A report as GitLab has it', () => {
  it('is counted by severity, whatever the case of its letters', () =>
    expect(gitlab(['Critical', 'CRITICAL', 'High', 'Medium', 'Low', 'Info', 'Unknown', 'Bad', 7])).toEqual([
      { scanner: 'Semgrep', counts: { critical: 2, high: 1, medium: 1, low: 1, info: 1, unknown: 3 } },
    ]));

  it('may have found nothing', () => expect(gitlab([])).toEqual([{ scanner: 'Semgrep', counts: NO_FINDINGS }]));

  it.each([
    [{ id: 'trivy' }, 'trivy'],
    [{ name: '' }, 'unknown'],
    ['text', 'unknown'],
    [null, 'unknown'],
  ])('is of the scanner that it names: %j', (scanner, name) => expect(gitlab([], scanner)[0]!.scanner).toBe(name));
});

describe('A SARIF file', () => {
  it('is counted by the score of each finding, or of its rule', () =>
    expect(
      sarif(
        [
          { properties: { 'security-severity': '9.0' } },
          { ruleId: 'a', level: 'note' },
          { ruleIndex: 1 },
          { properties: { 'security-severity': 3.9 } },
          { properties: { 'security-severity': '0.0' } },
        ],
        [
          { id: 'a', properties: { 'security-severity': '8.9' } },
          { id: 'b', properties: { 'security-severity': '4' } },
        ],
      ),
    ).toEqual({ critical: 1, high: 1, medium: 1, low: 1, info: 1, unknown: 0 }));

  it('is counted by level where there is no score', () =>
    expect(
      sarif(
        [
          { level: 'error' },
          { level: 'warning' },
          {},
          { level: 'note' },
          { level: 'none' },
          { ruleId: 'a' },
          { level: 9 },
        ],
        [{ id: 'a', defaultConfiguration: { level: 'error' } }],
      ),
    ).toEqual({ critical: 0, high: 2, medium: 2, low: 1, info: 1, unknown: 1 }));

  it('is without what passed, what is gone, and what somebody has accepted', () =>
    expect(
      sarif([
        { level: 'error', kind: 'pass' },
        { level: 'error', baselineState: 'absent' },
        { level: 'error', suppressions: [{ kind: 'inSource' }] },
        { level: 'error', suppressions: [{ kind: 'external', status: 'rejected' }] },
      ]).high,
    ).toBe(1));

  it('may tell of several scanners', () =>
    expect(read({ runs: [{ tool: { driver: { name: 'A' } } }, {}] }).map(({ scanner }) => scanner)).toEqual([
      'A',
      'unknown',
    ]));
});

describe('A report of a scanner is not read', () => {
  it.each([
    ['when it is no JSON', 'nothing', /not JSON/],
    ['when it is something else', '{"results": []}', /neither/],
    ['when it is a list', '[]', /neither/],
    ['when its values lie too deep', '['.repeat(65) + ']'.repeat(65), /too deep/],
    ['when they lie too deep and have no end', '['.repeat(1_000_000), /too deep/],
    ['when it has too many values', `[${'{},'.repeat(600_000)}0]`, /values/],
  ])('%s', (_when, text, message) => expect(() => readScanReport(Buffer.from(text))).toThrow(message));

  it('when it is not UTF-8', () =>
    expect(() => readScanReport(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]))).toThrow(/UTF-8/));

  it('and brackets in texts are no depth', () =>
    expect(gitlab(['['.repeat(100), '\\"'.repeat(100), 'High'])[0]!.counts).toMatchObject({ high: 1, unknown: 2 }));

  it('in any other way, whatever is in it', () =>
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('runs', 'vulnerabilities'), (value, key) => {
        for (const report of [{ [key]: value }, { [key]: [value, { results: [value], tool: { driver: value } }] }])
          try {
            for (const { scanner, counts } of read(report))
              expect([typeof scanner, counts]).toEqual(['string', counts]);
          } catch (error) {
            expect(error).toMatchObject({ code: 'unreadable_report' });
          }
      }),
    ));
});
