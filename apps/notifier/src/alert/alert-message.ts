import type { AlertFired, AlertResolved, AlertRuleName } from '@foldline/contracts';
import { isBeyond } from '@foldline/kernel';
import { escaped } from '../notification/message.ts';

type Alert = ReturnType<typeof AlertFired> | ReturnType<typeof AlertResolved>;

/** What is measured, in words that the value stands in for. */
const MEASURES: Readonly<Record<AlertRuleName, (value: number) => string>> = {
  failure_rate: (value) => `${value} % of its newest jobs failed`,
  queue_depth: (value) => `${value} of its jobs wait for a runner`,
  cache_hit_rate: (value) => `${value} % of its newest lookups found their cache`,
  consecutive_failures: (value) => `${value} pipelines of its default branch failed one after the other`,
  slowdown: (value) => `its newest pipeline took ${value} % longer than those before it`,
  critical_vulnerabilities: (value) => `the newest scans of its default branch found ${value} critical vulnerabilities`,
  deployment_failures: (value) => `the last deployment failed in ${value} of its environments and services`,
};

/** Of a rule that does not hold any more although its value is what it was. */
const UNWATCHED = 'nobody looks at it any more: the rule was switched off, or has too little to look at';

/** The body for one kind of channel. */
export const alertMessage = (kind: 'slack' | 'webhook', { type, data }: Alert): Record<string, unknown> => {
  const status = type === 'AlertFired' ? 'firing' : 'resolved';
  const { alertId, project, rule, value, threshold, count, at } = data;
  const isUnwatched = status === 'resolved' && isBeyond(rule, value, threshold);
  const sentence = isUnwatched ? UNWATCHED : `${MEASURES[rule](value)} (threshold ${threshold})`;
  if (kind === 'webhook')
    return { type: `alert.${status}`, alertId, project, rule, status, value, threshold, count, at, text: sentence };
  const word = status === 'firing' ? 'Alert' : 'Resolved';
  return { text: `${word}: ${rule} of ${escaped(project)}: ${sentence}.` };
};
