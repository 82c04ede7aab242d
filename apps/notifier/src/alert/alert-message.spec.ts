import { describe, expect, it } from '@jest/globals';
import { ALERT_RULES, AlertFired, AlertResolved } from '@foldline/contracts';
import { alertMessage } from './alert-message.ts';

const data = {
  alertId: 'pr1.1',
  projectId: 'pr1',
  project: 'ada/<engine>',
  rule: 'failure_rate' as const,
  value: 12.5,
  threshold: 10,
  count: 48,
  at: '2030-01-01T00:00:00.000Z',
};

describe('the message about an alert', () => {
  it('tells a webhook everything', () =>
    expect(alertMessage('webhook', AlertFired(data))).toEqual({
      type: 'alert.firing',
      status: 'firing',
      alertId: 'pr1.1',
      project: 'ada/<engine>',
      rule: 'failure_rate',
      value: 12.5,
      threshold: 10,
      count: 48,
      at: data.at,
      text: '12.5 % of its newest jobs failed (threshold 10)',
    }));

  it('tells Slack a sentence, with its signs escaped', () =>
    expect(alertMessage('slack', AlertResolved({ ...data, value: 8 }))).toEqual({
      text: 'Resolved: failure_rate of ada/&lt;engine&gt;: 8 % of its newest jobs failed (threshold 10).',
    }));

  it('does not say that all is well when nobody looks any more', () =>
    expect(alertMessage('webhook', AlertResolved(data))).toMatchObject({
      value: 12.5,
      text: 'nobody looks at it any more: the rule was switched off, or has too little to look at',
    }));

  it.each(ALERT_RULES)('has words for %s', (rule) =>
    expect(alertMessage('webhook', AlertFired({ ...data, rule }))['text']).toContain('12.5'),
  );
});
