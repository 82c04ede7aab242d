/** What people are told about by itself, with the thresholds of the seeds as defaults. */
export const ALERT_RULES = [
  /** S1-48: percent of the newest jobs that failed. */
  'failure_rate',
  /** S1-49: jobs that wait for a runner. */
  'queue_depth',
  /** S1-50: percent of the newest lookups that found their cache. */
  'cache_hit_rate',
  /** S4-42: pipelines of the default branch that failed one after the other. */
  'consecutive_failures',
  /** S4-44: percent that the newest pipeline of the default branch took longer than those before it on average. */
  'slowdown',
  /** S4-45: environments and services whose last deployment failed. */
  'deployment_failures',
  /** S4-43: critical vulnerabilities that the newest scans of the default branch have found. */
  'critical_vulnerabilities',
] as const;
export type AlertRuleName = (typeof ALERT_RULES)[number];

/** When the value is beyond the threshold: above it, or of a hit rate below it. */
export type AlertRule = {
  enabled: boolean;
  threshold: number;
  /** How many of the newest are looked at. */
  sample: number;
  /** With fewer than so many of them there is nothing to say. */
  minimum: number;
};
export type AlertRules = Readonly<Record<AlertRuleName, AlertRule>>;
/** What a project wants otherwise than it is by default. */
export type AlertOverride = { rule: AlertRuleName } & Partial<AlertRule>;

/** Of each kind so many are kept, the newest. */
export const MAX_ALERT_SAMPLE = 100;

const rule = (threshold: number, sample = 1, minimum = 1): AlertRule => ({ enabled: true, threshold, sample, minimum });

export const ALERT_DEFAULTS: AlertRules = {
  failure_rate: rule(10, 50, 10),
  queue_depth: rule(100),
  cache_hit_rate: rule(50, 50, 10),
  consecutive_failures: rule(2),
  slowdown: rule(50, 20, 5),
  deployment_failures: rule(0),
  critical_vulnerabilities: rule(0),
};

/** The rules of a project that wants these otherwise. */
export const alertRulesWith = (overrides: readonly AlertOverride[]): AlertRules => {
  const rules = { ...ALERT_DEFAULTS };
  for (const { rule: name, ...more } of overrides) rules[name] = { ...rules[name], ...more };
  return rules;
};

/** The values of these are percentages of a whole. */
const SHARES: readonly AlertRuleName[] = ['failure_rate', 'cache_hit_rate'];

/** What of a rule cannot be, since it never could hold or always would. */
export const problemsOfAlertRule = (
  name: AlertRuleName,
  { threshold, sample, minimum }: AlertRule,
): { field: keyof AlertRule; message: string }[] => [
  ...(SHARES.includes(name) && threshold > 100
    ? [{ field: 'threshold' as const, message: 'it is a percentage, 100 at most' }]
    : []),
  ...(minimum > sample ? [{ field: 'minimum' as const, message: `it looks at ${sample} at most` }] : []),
];
