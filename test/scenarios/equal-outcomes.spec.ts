import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { Sandbox, START_MS, TOPOLOGIES, type Topology } from '@foldline/client';
import { withRealServer } from '@foldline/testing';
import { PROGRAMS } from '../acceptance/samples.ts';
import { settled, storyOf, type Story } from './histories.ts';
import { redeliverEverything } from './redelivery.ts';
import { SCENARIOS } from './scenarios.ts';

/** Some twenty jobs on each topology, one after the other. */
const RUN_MS = 240_000;

type Run = { sandbox: Sandbox; ids: string[]; events: RecordedEvent[]; story: Story };
const runs = new Map<Topology, Run>();
const runOn = (topology: Topology): Run => runs.get(topology)!;

const runAll = async (topology: Topology): Promise<void> => {
  const sandbox = await Sandbox.start({}, PROGRAMS, { topology });
  const run: Run = { sandbox, ids: [], events: [], story: {} };
  runs.set(topology, run);
  for (const scenario of SCENARIOS) run.ids.push(await scenario.run(sandbox));
  run.events = await settled(sandbox, run.ids);
  run.story = storyOf(run.events, run.ids, sandbox.directory);
};

/** The lists and documents that the API answers with about these pipelines. */
const shown = ({ sandbox, ids }: Run): Promise<unknown[]> => Promise.all(ids.map((id) => sandbox.pipeline(id)));

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () => {
  beforeAll(async () => {
    for (const topology of TOPOLOGIES) await runAll(topology);
  }, 2 * RUN_MS);
  afterAll(() => Promise.all(Array.from(runs.values(), ({ sandbox }) => sandbox.stop())), START_MS);

  describe('The same scenario on both topologies', () => {
    it.each(SCENARIOS.map(({ name }, n) => [name, `pipeline-${n + 1}`] as const))(
      'records the same: %s',
      (_name, pipeline) => {
        const [one, other] = TOPOLOGIES.map((topology) =>
          Object.entries(runOn(topology).story).filter(([name]) => new RegExp(`${pipeline}\\b`).test(name)),
        );
        expect(other).toEqual(one);
        expect(one!.length).toBeGreaterThan(1);
      },
    );

    it('records nothing besides on one of them', () => {
      const [one, other] = TOPOLOGIES.map((topology) => runOn(topology).story);
      expect(other).toEqual(one);
    });
  });

  describe.each(TOPOLOGIES)('Every event delivered again, %s', (topology) => {
    it(
      'changes nothing: no event, no answer',
      async () => {
        const run = runOn(topology);
        const before = await shown(run);
        await redeliverEverything(run.sandbox);
        const last = await SCENARIOS.at(-1)!.run(run.sandbox);
        const events = await settled(run.sandbox, [...run.ids, last]);
        const known = new Set(run.events.map(({ id }) => id));
        const added = events.filter(
          ({ id, stream, correlationId }) => !known.has(id) && !stream.startsWith('runner-') && correlationId !== last,
        );
        expect(added.map(({ stream, type }) => `${stream} ${type}`)).toEqual([]);
        expect(await shown(run)).toEqual(before);
      },
      RUN_MS,
    );
  });
});
