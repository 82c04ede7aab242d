import {
  MAX_ALERT_SAMPLE,
  type AlertRuleName,
  type AlertRules,
  type AlertSamples,
  type AlertTransition,
  type Scan,
} from '@foldline/contracts';

/** Something that rules look at. Of pipelines only those of the default branch count; every end is a moment to judge. */
export type AlertFact =
  | { kind: 'job'; failed: boolean }
  | { kind: 'lookup'; hit: boolean }
  | { kind: 'pipeline'; id: string; failed?: boolean; tookMs?: number }
  | { kind: 'deployment'; name: string; failed: boolean }
  | { kind: 'scan'; scan: Scan };

export const NO_SAMPLES: AlertSamples = { jobs: '', lookups: '', pipelines: '', tookMs: [], failing: [], scans: [] };

/** Environments and services that are told apart. */
const MAX_FAILING = 100;
/** Scans that are kept, the newest. */
const MAX_SCANS = 50;
/** Differences below it are no slowdown, in milliseconds. */
const NOTICEABLE_MS = 1000;

const next = (letters: string, letter: string): string => (letters + letter).slice(-MAX_ALERT_SAMPLE);

/** The samples with one more fact. */
export const withFact = (samples: AlertSamples, fact: AlertFact): AlertSamples => {
  switch (fact.kind) {
    case 'job':
      return { ...samples, jobs: next(samples.jobs, fact.failed ? 'f' : 's') };
    case 'lookup':
      return { ...samples, lookups: next(samples.lookups, fact.hit ? 'h' : 'm') };
    case 'pipeline': {
      if (fact.failed === undefined) return samples;
      const took = fact.failed || fact.tookMs === undefined ? [] : [fact.tookMs];
      return {
        ...samples,
        pipelines: next(samples.pipelines, fact.failed ? 'f' : 's'),
        tookMs: [...samples.tookMs, ...took].slice(-MAX_ALERT_SAMPLE),
        scans: withoutReplaced(samples.scans, fact.id),
      };
    }
    case 'deployment': {
      const others = samples.failing.filter((name) => name !== fact.name);
      return { ...samples, failing: (fact.failed ? [...others, fact.name] : others).slice(-MAX_FAILING) };
    }
    case 'scan':
      return { ...samples, scans: withScan(samples.scans, fact.scan) };
  }
};

const isSame = (one: Scan, other: Scan): boolean => one.kind === other.kind && one.scanner === other.scanner;

/** A job of an older pipeline that is tried again tells nothing new. */
const withScan = (scans: readonly Scan[], scan: Scan): Scan[] => {
  const before = scans.find((each) => isSame(each, scan) && each.place === scan.place);
  if (before && before.requestedAt > scan.requestedAt) return [...scans];
  return [...scans.filter((each) => each !== before), scan].slice(-MAX_SCANS);
};

/** Once a pipeline has ended, what a scanner found in jobs that the pipeline has not any more is not there any more. */
const withoutReplaced = (scans: readonly Scan[], pipelineId: string): Scan[] => {
  const ofIt = scans.filter(({ root }) => root === pipelineId);
  const isReplaced = (each: Scan) =>
    each.root !== pipelineId && ofIt.some((scan) => isSame(scan, each) && scan.requestedAt > each.requestedAt);
  return scans.filter((each) => !isReplaced(each));
};

/** Rules whose turn it is after a fact of this kind: a pipeline is judged as a whole. */
export const RULES_AT: Readonly<Record<AlertFact['kind'], readonly AlertRuleName[]>> = {
  job: [],
  lookup: [],
  pipeline: ['failure_rate', 'cache_hit_rate', 'consecutive_failures', 'slowdown', 'critical_vulnerabilities'],
  deployment: ['deployment_failures'],
  scan: ['critical_vulnerabilities'],
};
/** All that samples tell about. */
export const SAMPLED_RULES: readonly AlertRuleName[] = [...new Set(Object.values(RULES_AT).flat())];

/** What a rule measures: percent or a number, and on how many. */
type Measured = { value: number; count: number };

const toDigit = (value: number): number => Math.round(value * 10) / 10;

const share = (letters: string, letter: string, sample: number): Measured => {
  const newest = letters.slice(-sample);
  const found = [...newest].filter((each) => each === letter).length;
  return { value: newest === '' ? 0 : toDigit((100 * found) / newest.length), count: newest.length };
};

const slowdown = (tookMs: readonly number[], sample: number): Measured => {
  const before = tookMs.slice(0, -1).slice(-sample);
  const newest = tookMs.at(-1);
  if (newest === undefined || before.length === 0) return { value: 0, count: 0 };
  const mean = before.reduce((sum, ms) => sum + ms, 0) / before.length;
  const isNoticeable = newest - mean >= NOTICEABLE_MS && mean > 0;
  return { value: isNoticeable ? toDigit(100 * (newest / mean - 1)) : 0, count: before.length };
};

const streak = (letters: string): number => letters.length - (letters.lastIndexOf('s') + 1);

const measured = (rule: AlertRuleName, samples: AlertSamples, sample: number): Measured => {
  switch (rule) {
    case 'failure_rate':
      return share(samples.jobs, 'f', sample);
    case 'cache_hit_rate':
      return share(samples.lookups, 'h', sample);
    case 'consecutive_failures':
      return { value: streak(samples.pipelines), count: samples.pipelines.length };
    case 'slowdown':
      return slowdown(samples.tookMs, sample);
    case 'deployment_failures':
      return { value: samples.failing.length, count: samples.failing.length };
    case 'critical_vulnerabilities':
      return { value: samples.scans.reduce((sum, { critical }) => sum + critical, 0), count: samples.scans.length };
    case 'queue_depth':
      return { value: 0, count: 0 };
  }
};

/** Whether the value is beyond the threshold of the rule. */
export const isBeyond = (rule: AlertRuleName, value: number, threshold: number): boolean =>
  rule === 'cache_hit_rate' ? value < threshold : value > threshold;

/**
 * What has changed with these rules, given those that held before. A rule that is not enabled, or has too little to look
 * at, does not hold.
 */
export const judgeRules = (
  names: readonly AlertRuleName[],
  rules: AlertRules,
  samples: AlertSamples,
  firing: readonly AlertRuleName[],
): Omit<AlertTransition, 'number' | 'at'>[] =>
  names.flatMap((rule) => {
    const { enabled, threshold, sample, minimum } = rules[rule];
    const { value, count } = measured(rule, samples, sample);
    const isFiring = enabled && count >= minimum && isBeyond(rule, value, threshold);
    return isFiring === firing.includes(rule) ? [] : [{ rule, isFiring, value, threshold, count }];
  });
