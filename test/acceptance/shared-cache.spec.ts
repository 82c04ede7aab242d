import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Sandbox, START_MS } from '@foldline/client';

const SAVERS = 20;
const FILES = 40;
/** A tree is one job's when all of it says so: one that is torn or mixed fails whoever has restored it. */
const DEFINITION = `
save:
  parallel: ${SAVERS}
  cache: { key: shared, paths: [shared/] }
  script:
    - 'if [ -d shared ]; then test "$(ls shared | wc -l)" = ${FILES} && test "$(cat shared/* | sort -u | wc -l)" = 1; fi'
    - 'rm -rf shared; mkdir shared; for i in $(seq ${FILES}); do echo "$CI_JOB_ID" > shared/$i; done'
`;

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await Sandbox.start({ FOLDLINE_RUNNERS: `local:low-power:${SAVERS}` });
}, START_MS);
afterAll(() => sandbox.stop(), START_MS);

type Events = { items: { data: { pipelineId: string; result: string } }[] };

describe(`A cache that ${SAVERS} jobs restore and save at the same time (S1-20)`, () => {
  it('is whole whenever it is restored, and one of those that were saved', async () => {
    for (const isFirst of [true, false, false]) {
      const pipeline = await sandbox.run(DEFINITION);
      expect(pipeline.status).toBe('success');
      const { items } = await sandbox.client.get<Events>('/api/v1/events?after=0&type=CacheRestored&limit=1000');
      const found = items.filter(({ data }) => data.pipelineId === pipeline.id);
      expect(found).toHaveLength(SAVERS);
      if (!isFirst) expect(found.every(({ data }) => data.result === 'hit')).toBe(true);
    }
  }, 120_000);
});
