import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START_MS, Sandbox, until } from '@foldline/client';
import { withRealServer } from '@foldline/testing';

const LONG = 'sleep 600';
/** What one of two runners has and the other waits for, what has to wait, and what no pool could take. */
const DEFINITION = `
stages: [all]
one: { stage: all, script: ${LONG}, cluster: high-power }
two: { stage: all, script: ${LONG}, cluster: high-power }
three: { stage: all, script: ${LONG}, cluster: high-power }
small: { stage: all, script: ${LONG}, cluster: low-power, resources: { cpu: 1 } }
large: { stage: all, script: ${LONG}, resources: { cpu: 64 } }
`;
const SAMPLE =
  /^(foldline_jobs_waiting|foldline_runners_needed)\{(?:cluster|pool)="([^"]+)",service="scheduler"\} (\S+)$/gm;

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () => {
  describe('two schedulers and a runner of one of two pools', () => {
    let sandbox: Sandbox;
    beforeAll(async () => {
      const settings = {
        FOLDLINE_RUNNERS: 'ci-high-0:high-power:1',
        FOLDLINE_RUNNER_CPU: '2',
        FOLDLINE_RUNNER_POOLS: 'ci-high:high-power:1:2:4:10,ci-low:low-power:4:2:4:10',
      };
      sandbox = await Sandbox.start(settings, {}, { topology: 'distributed', instances: { scheduler: 2 } });
    }, START_MS);
    afterAll(() => sandbox.stop(), START_MS);

    const told = async (scheduler: number): Promise<Record<string, number>> => {
      const answer = await fetch(`${sandbox.cluster.service('scheduler', scheduler).opsUrl}/metrics`);
      const text = await answer.text();
      return Object.fromEntries(
        [...text.matchAll(SAMPLE)].map(([, name, of, value]) => [`${name} ${of}`, Number(value)]),
      );
    };
    const bothTell = (what: Record<string, number>): Promise<unknown> =>
      until(`both schedulers to tell ${JSON.stringify(what)}`, async () => {
        const both = [await told(0), await told(1)];
        return both.every((one) => Object.entries(what).every(([name, value]) => one[name] === value));
      });

    it(
      'both tell what waits and what each pool needs, also the pool that has no runner, until it is over',
      async () => {
        const idle = {
          'foldline_jobs_waiting any': 0,
          'foldline_jobs_waiting high-power': 0,
          'foldline_jobs_waiting low-power': 0,
          'foldline_runners_needed ci-high': 0,
          'foldline_runners_needed ci-low': 0,
        };
        expect(await told(0)).toEqual(idle);
        expect(await told(1)).toEqual(idle);
        sandbox.commitOnly({ '.codara-ci.yml': DEFINITION });
        const { id } = await sandbox.trigger();
        await bothTell({
          'foldline_jobs_waiting any': 1,
          'foldline_jobs_waiting high-power': 2,
          'foldline_jobs_waiting low-power': 1,
          'foldline_runners_needed ci-high': 3,
          'foldline_runners_needed ci-low': 0.5,
        });
        await sandbox.client.post(`/api/acme/shop/pipelines/${id}/cancel`);
        await bothTell(idle);
      },
      START_MS,
    );
  });
});
