import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { START_MS, TOPOLOGIES, type Topology } from '@foldline/client';
import { eventTypes, SERVICES } from '@foldline/contracts';
import { withRealServer } from '@foldline/testing';
import { redeliverThePast } from './redelivery.ts';
import { DELIVERIES, Run, type Delivery, type Outcome } from './run.ts';
import { SCENARIOS } from './scenarios.ts';

/** Some fifty jobs, twice on each topology. */
const RUN_MS = 400_000;

const runs = new Map<Topology, Run>();
const runOn = (topology: Topology): Run => runs.get(topology)!;
const COMBINATIONS = TOPOLOGIES.flatMap((topology) => DELIVERIES.map((delivery) => [topology, delivery] as const));
/** In one process, where every event is told once: what the others are compared with. */
const [SIMPLEST, ...OTHERS] = COMBINATIONS;
const outcomeOf = ([topology, delivery]: readonly [Topology, Delivery]): Outcome => runOn(topology).outcome(delivery);

/** What no scenario brings about, and which tests do. */
const ELSEWHERE = new Set([
  // test/chaos, test/acceptance/drain.spec.ts
  'RunnerRegistered',
  'RunnerDraining',
  'RunnerLost',
  // test/acceptance/scheduling.spec.ts
  'JobWaiting',
  // Specs of the artifact store and of the gateway
  'ArtifactRefused',
  'ArtifactExpired',
  'CacheRefused',
  'CachePruned',
  'SnapshotPruned',
  'LogPruned',
  'PrunedBytesDeleted',
  'MaintenanceFinished',
  'MaintenanceRequested',
  'ParkedEventsDiscarded',
  // test/acceptance/metrics.spec.ts
  'AlertRulesSet',
  'AlertFired',
  'AlertResolved',
  // test/acceptance/reports.spec.ts
  'TestsReported',
  'VulnerabilitiesReported',
  // test/acceptance/containers.spec.ts
  'ContainerStarted',
  // test/acceptance/builds.spec.ts, specs of the gateway and of the deployer
  'ProjectNumbered',
  'ServiceRegistered',
  'ServiceChanged',
  'ServiceRemoved',
  'NumberTaken',
  'ImageBuildStarted',
  'ImageBuildAdvanced',
  'ImageBuilt',
  'ImagePushed',
  'ServiceDeploymentRequested',
  'ServiceDeploymentCancelRequested',
  'ServiceDeploymentStarted',
  'ServiceDeploymentAdvanced',
  'ServiceDeploymentCancelling',
  'ServiceDeploymentSucceeded',
  'ServiceDeploymentFailed',
  'ServiceDeploymentRolledBack',
]);

withRealServer('FOLDLINE_TEST_KAFKA_BROKERS', () => {
  beforeAll(async () => {
    const all = await Promise.allSettled(
      TOPOLOGIES.map(async (topology) => {
        runs.set(topology, await Run.start(topology));
        for (const delivery of DELIVERIES) await runOn(topology).runAll(delivery);
      }),
    );
    for (const each of all) if (each.status === 'rejected') throw each.reason;
  }, RUN_MS);
  afterAll(() => Promise.all(Array.from(runs.values(), (run) => run.stop())), START_MS);

  const ofScenario = ({ story }: Outcome, n: number): [string, string[]][] =>
    Object.entries(story).filter(([name]) => new RegExp(`pipeline-${n + 1}-\\d`).test(name));

  describe.each(SCENARIOS.map(({ name }, n) => [name, n] as const))('%s', (_name, n) => {
    it.each(OTHERS)('has the same story %s, %s, as in one process and told once', (...combination) => {
      const story = ofScenario(outcomeOf(SIMPLEST!), n);
      expect(ofScenario(outcomeOf(combination), n)).toEqual(story);
      expect(story.length).toBeGreaterThan(1);
    });
  });

  describe.each(OTHERS)('All scenarios, %s, %s', (...combination) => {
    it('record nothing else than in one process and told once', () => {
      expect(outcomeOf(combination).story).toEqual(outcomeOf(SIMPLEST!).story);
    });

    it('look the same', () => {
      expect(outcomeOf(combination).shown).toEqual(outcomeOf(SIMPLEST!).shown);
    });

    it('tell those outside the same, as often', () => {
      const { heard } = outcomeOf(combination);
      expect(heard).toEqual(outcomeOf(SIMPLEST!).heard);
      expect(heard).toEqual({ '/good': [1], '/shaky': [2], '/gone': [1] });
    });
  });

  it('have every kind of event in them but those that other tests bring about', () => {
    const known = new Set(
      runOn('standalone')
        .events()
        .map(({ type }) => type),
    );
    expect(eventTypes().filter((type) => !known.has(type) && !ELSEWHERE.has(type))).toEqual([]);
  });

  it.each(TOPOLOGIES)('are handled twice by every service that takes events: %s', (topology) => {
    const counts = runOn(topology).repetition.counts();
    // Each runner has a group of its own where there may be several processes of them.
    expect(new Set(counts.map(({ group }) => group.split('.')[0]))).toEqual(new Set(SERVICES));
    expect(counts.map(({ again }) => again)).toEqual(counts.map(({ first }) => first));
  });

  describe.each(TOPOLOGIES)('The whole past delivered again to services that know nothing of it, %s', (topology) => {
    it(
      'changes nothing: no event, no answer',
      async () => {
        const run = runOn(topology);
        const before = await run.shown();
        await redeliverThePast(run.sandbox);
        const known = new Set(run.events().map(({ id }) => id));
        await run.runOneMore('after');
        const added = run.events().filter(({ id, stream }) => !known.has(id) && !stream.startsWith('runner-'));
        expect(added.map(({ stream, type }) => `${stream} ${type}`)).toEqual([]);
        expect(await run.shown()).toEqual(before);
      },
      RUN_MS,
    );
  });
});
