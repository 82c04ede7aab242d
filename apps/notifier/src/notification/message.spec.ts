import { describe, expect, it } from '@jest/globals';
import type { PipelineContext, PipelineFinished } from '@foldline/contracts';
import { messageFor, momentOf } from './message.ts';

const finished = (status: ReturnType<typeof PipelineFinished>['data']['status'], ref = 'main') => ({
  pipelineId: 'p1',
  status,
  context: {
    project: { owner: 'acme', name: 'shop' },
    ref: { name: ref },
    sha: '0123456789abcdef',
  } as PipelineContext,
});
const at = '2030-01-01T00:00:00.000Z';

describe('the message about a finished pipeline', () => {
  it.each([
    ['success', 'success'],
    ['failed', 'failed'],
    ['timed_out', 'failed'],
    ['cancelled', 'cancelled'],
    ['skipped', undefined],
  ] as const)('counts %s as %s', (status, moment) => expect(momentOf(status)).toBe(moment));

  it('is a sentence for Slack', () =>
    expect(messageFor('slack', finished('failed'), 'failed', at)).toEqual({
      text: 'Pipeline p1 of acme/shop on main (01234567) failed.',
    }));

  it('says when the time was over', () =>
    expect(messageFor('slack', finished('timed_out'), 'failed', at)['text']).toContain(
      'failed because its time was over',
    ));

  it('lets no branch name call everybody in a Slack channel', () =>
    expect(messageFor('slack', finished('success', '<!channel>&co'), 'success', at)['text']).toContain(
      'on &lt;!channel&gt;&amp;co (',
    ));

  it('is a record of facts for a webhook', () =>
    expect(messageFor('webhook', finished('timed_out'), 'failed', at)).toEqual({
      type: 'pipeline.finished',
      pipelineId: 'p1',
      project: 'acme/shop',
      ref: 'main',
      sha: '0123456789abcdef',
      status: 'timed_out',
      finishedAt: at,
    }));
});
