import { describe, expect, it } from '@jest/globals';
import {
  alertRulesWith,
  MAX_ALERT_SAMPLE,
  NO_FINDINGS,
  type AlertOverride,
  type AlertRuleName,
  type Scan,
} from '@foldline/contracts';
import { judgeRules, NO_SAMPLES, SAMPLED_RULES, withFact, type AlertFact } from './alert-samples.ts';

const samples = (...facts: AlertFact[]) => facts.reduce(withFact, NO_SAMPLES);
const times = <Value>(count: number, value: Value): Value[] => Array.from({ length: count }, () => value);
const jobs = (failed: number, succeeded: number): AlertFact[] => [
  ...times<AlertFact>(failed, { kind: 'job', failed: true }),
  ...times<AlertFact>(succeeded, { kind: 'job', failed: false }),
];
const lookups = (hits: number, misses: number): AlertFact[] => [
  ...times<AlertFact>(hits, { kind: 'lookup', hit: true }),
  ...times<AlertFact>(misses, { kind: 'lookup', hit: false }),
];
const pipelines = (letters: string): AlertFact[] =>
  [...letters].map((letter) => ({ kind: 'pipeline', id: 'p1', failed: letter === 'f', tookMs: 1000 }));
const took = (...ms: number[]): AlertFact[] =>
  ms.map((tookMs) => ({ kind: 'pipeline', id: 'p1', failed: false, tookMs }));

const scan = (pipelineId: string, critical: number, more: Partial<Scan> = {}): AlertFact => ({
  kind: 'scan',
  scan: {
    kind: 'sast',
    scanner: 'Semgrep',
    job: 'scan',
    place: 'scan',
    sha: 's',
    pipelineId,
    root: pipelineId,
    requestedAt: `2030-01-01 ${pipelineId}`,
    ...NO_FINDINGS,
    critical,
    ...more,
  },
});
const ended = (id: string): AlertFact => ({ kind: 'pipeline', id, failed: false });

/** Of the rule: whether it holds after these facts, and by what. */
const judged = (rule: AlertRuleName, facts: AlertFact[], ...overrides: AlertOverride[]) =>
  judgeRules([rule], alertRulesWith(overrides), samples(...facts), [])[0];

describe('a rule', () => {
  it.each<[string, AlertRuleName, AlertFact[], number | undefined]>([
    ['more than a tenth of the newest 50 jobs failed (S1-48)', 'failure_rate', jobs(6, 44), 12],
    ['not when it is a tenth', 'failure_rate', jobs(5, 45), undefined],
    ['not when those that failed are older than the newest 50', 'failure_rate', jobs(20, 50), undefined],
    ['not when the only job failed', 'failure_rate', jobs(1, 0), undefined],
    ['not before there are ten', 'failure_rate', jobs(9, 0), undefined],
    ['less than half of the newest 50 lookups found a cache (S1-50)', 'cache_hit_rate', lookups(4, 6), 40],
    ['not when it is half', 'cache_hit_rate', lookups(5, 5), undefined],
    ['not when nobody looked', 'cache_hit_rate', [], undefined],
    ['more than two pipelines failed one after the other (S4-42)', 'consecutive_failures', pipelines('sfff'), 3],
    ['not after two', 'consecutive_failures', pipelines('ffsff'), undefined],
    ['the newest took half as long again as those before it (S4-44)', 'slowdown', took(...times(5, 4000), 6100), 52.5],
    ['not when it took exactly so long', 'slowdown', took(...times(5, 4000), 6000), undefined],
    ['not when there are too few before it', 'slowdown', took(...times(4, 4000), 9000), undefined],
    ['not when nobody would notice the difference', 'slowdown', took(...times(5, 10), 900), undefined],
    [
      'the last deployment to an environment failed (S4-45)',
      'deployment_failures',
      [{ kind: 'deployment', name: 'production', failed: true }],
      1,
    ],
    [
      'not when a later one succeeded',
      'deployment_failures',
      [
        { kind: 'deployment', name: 'production', failed: true },
        { kind: 'deployment', name: 'production', failed: false },
      ],
      undefined,
    ],
    ['a scan has found something critical (S4-43)', 'critical_vulnerabilities', [scan('p1', 2)], 2],
    ['not when it has not', 'critical_vulnerabilities', [scan('p1', 0)], undefined],
    ['not when a newer one has not any more', 'critical_vulnerabilities', [scan('p1', 2), scan('p2', 0)], undefined],
    [
      'several jobs and scanners have found something, together',
      'critical_vulnerabilities',
      [
        scan('p1', 1),
        scan('p1', 2, { place: 'other' }),
        scan('p1', 4, { scanner: 'CodeQL' }),
        scan('p1', 8, { kind: 'dast' }),
        ended('p1'),
      ],
      15,
    ],
    [
      'not by what a job of an older pipeline says that is tried again',
      'critical_vulnerabilities',
      [scan('p2', 0), scan('p1', 3)],
      undefined,
    ],
    [
      'not by a job that the newest pipeline has not any more',
      'critical_vulnerabilities',
      [scan('p1', 3, { place: 'gone' }), ended('p1'), scan('p2', 0), ended('p2')],
      undefined,
    ],
    [
      'a job that this pipeline did not run has found something',
      'critical_vulnerabilities',
      [scan('p1', 3, { scanner: 'nightly' }), ended('p1'), scan('p2', 0), ended('p2')],
      3,
    ],
    [
      'a child of the pipeline has found something',
      'critical_vulnerabilities',
      [scan('p1', 3, { place: '1/scan', pipelineId: 'c1' }), scan('p1', 0), ended('c1'), ended('p1')],
      3,
    ],
  ])('holds when %s', (_when, rule, facts, value) => expect(judged(rule, facts)?.value).toBe(value));

  it('looks only at what there was last', () => {
    const { jobs: letters, tookMs } = samples(...jobs(300, 1), ...took(...times(300, 5)));
    expect([letters.length, tookMs.length]).toEqual([MAX_ALERT_SAMPLE, MAX_ALERT_SAMPLE]);
    expect(letters.at(-1)).toBe('s');
  });

  it('has the threshold, the sample and the least number that somebody wants', () => {
    const wanted = { rule: 'failure_rate', threshold: 50, sample: 4, minimum: 2 } as const;
    expect(judged('failure_rate', jobs(3, 1), wanted)).toEqual({
      rule: 'failure_rate',
      isFiring: true,
      value: 75,
      threshold: 50,
      count: 4,
    });
    expect(judged('failure_rate', jobs(2, 2), wanted)).toBeUndefined();
  });

  it('does not hold when it is not enabled, and is over when it held', () => {
    const off = { rule: 'failure_rate', enabled: false } as const;
    expect(judged('failure_rate', jobs(20, 0), off)).toBeUndefined();
    const rules = alertRulesWith([off]);
    expect(judgeRules(SAMPLED_RULES, rules, samples(...jobs(20, 0)), ['failure_rate'])).toMatchObject([
      { rule: 'failure_rate', isFiring: false },
    ]);
  });

  it('is told about when it begins to hold and when it is over, and not between', () => {
    const rules = alertRulesWith([]);
    const judge = (facts: AlertFact[], firing: AlertRuleName[]) =>
      judgeRules(SAMPLED_RULES, rules, samples(...facts), firing);
    expect(judge(pipelines('fff'), [])).toMatchObject([{ rule: 'consecutive_failures', isFiring: true }]);
    expect(judge(pipelines('ffff'), ['consecutive_failures'])).toEqual([]);
    expect(judge(pipelines('ffffs'), ['consecutive_failures'])).toMatchObject([{ isFiring: false, value: 0 }]);
  });

  it('takes no notice of pipelines of other branches', () =>
    expect(samples({ kind: 'pipeline', id: 'p1' }, { kind: 'pipeline', id: 'p2', tookMs: 5 })).toEqual(NO_SAMPLES));
});
