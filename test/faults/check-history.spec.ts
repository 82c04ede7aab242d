import { describe, expect, it } from '@jest/globals';
import { CHECKS, checkHistory, type History } from './check-history.mjs';
import { goodHistory, type Event } from './history.fixture.ts';

const BUILD = 'p1.0';
const TEST = 'p1.1';

/** Numbers the events anew, as if the log had always been so. */
const renumbered = (events: Event[]): Event[] => {
  const revisions = new Map<string, number>();
  const ids = new Map(events.map(({ id }, n) => [id, `e${n}`]));
  return events.map((event, n) => {
    const revision = revisions.get(event.stream) ?? 0;
    revisions.set(event.stream, revision + 1);
    const causationId = ids.get(event.causationId) ?? event.causationId;
    const recordedAt = new Date((n + 1) * 1000).toISOString();
    return { ...event, causationId, id: `e${n}`, revision, position: n + 1, recordedAt };
  });
};

const is =
  (type: string, about: Record<string, unknown> = {}) =>
  (event: Event) =>
    event.type === type && Object.entries(about).every(([name, value]) => event.data[name] === value);

const indexOf = ({ events }: History, wanted: (event: Event) => boolean): number => {
  const found = events.findIndex(wanted);
  if (found < 0) throw new Error('the good history has no such event');
  return found;
};

/** Ways to plant a violation. Each leaves everything else as good as it can be. */
const without = (wanted: (event: Event) => boolean) => (history: History) => {
  history.events.splice(indexOf(history, wanted), 1);
  history.events = renumbered(history.events);
};
const twice = (wanted: (event: Event) => boolean) => (history: History) => {
  const at = indexOf(history, wanted);
  history.events.splice(at + 1, 0, { ...history.events[at]! });
  history.events = renumbered(history.events);
};
const before = (moved: (event: Event) => boolean, place: (event: Event) => boolean) => (history: History) => {
  const [event] = history.events.splice(indexOf(history, moved), 1);
  history.events.splice(indexOf(history, place), 0, event!);
  history.events = renumbered(history.events);
};
const addedBefore =
  (place: (event: Event) => boolean, stream: string, type: string, data: Record<string, unknown>) =>
  (history: History) => {
    const at = indexOf(history, place);
    const causationId = `cause of ${type}`;
    history.events.splice(at, 0, {
      ...history.events[at]!,
      id: 'new',
      causationId,
      stream,
      type,
      data: { pipelineId: 'p1', ...data },
    });
    history.events = renumbered(history.events);
  };
const changed = (wanted: (event: Event) => boolean, change: Record<string, unknown>) => (history: History) => {
  const event = history.events[indexOf(history, wanted)]!;
  event.data = { ...event.data, ...change };
};

/** Rules that hold from then on, by one and the same event. */
const rulesHold = (history: History, ...rules: string[]): void => {
  for (const rule of rules) addedBefore(is('EnvironmentDeployed'), 'alert-p1', 'AlertFired', { rule })(history);
};

const firstBuild = { jobId: BUILD, attempt: 1 };
const secondBuild = { jobId: BUILD, attempt: 2 };
const cancelling = ['pipeline-p1', 'PipelineCancelling', {}] as const;

/** The first attempt of `build` runs under a lease that is over when the scheduler gives the job to others. */
const givenAway = (history: History): void => {
  const runner = { stream: 'runner-one', correlationId: 'runner-one' };
  const place = (at: (event: Event) => boolean, type: string, data: Record<string, unknown>): void => {
    const n = indexOf(history, at);
    const about = { ...runner, id: `new ${type} ${n}`, causationId: `cause of ${type} ${n}` };
    history.events.splice(n, 0, { ...history.events[n]!, ...about, type, data: { runnerId: 'one', ...data } });
  };
  changed(is('JobAssigned', firstBuild), { epoch: 'e1' })(history);
  changed(is('JobAssigned', secondBuild), { epoch: 'e2' })(history);
  place(is('PipelineStarted'), 'RunnerRegistered', { epoch: 'e1', offer: { slots: 3 } });
  place(is('JobFailed', firstBuild), 'RunnerLost', { epoch: 'e1' });
  place(is('JobAssigned', secondBuild), 'RunnerRegistered', { epoch: 'e2', offer: { slots: 3 } });
  history.events = renumbered(history.events);
  for (const [attemptId, lines] of history.side) {
    const started = history.events.find(({ stream }) => stream === `attempt-${attemptId}`)!;
    for (const [n, line] of lines.entries()) line.at = Date.parse(started.recordedAt) + 100 + n;
  }
};
/** A line that the first attempt of `build` writes so long (ms) after the first one of the second. */
const lateLine = (ms: number) => (history: History) => {
  givenAway(history);
  const lines = history.side.get(`${BUILD}.1`)!;
  lines.at(-1)!.at = history.side.get(`${BUILD}.2`)![0]!.at + ms;
};

/** A violation, the rule that must report it, and how it is planted. */
const MUTANTS: readonly [violation: string, rule: string, plant: (history: History) => void][] = [
  ['an acknowledged pipeline that is not there', 'requestsHaveTheirPipelines', without(is('PipelineRequested'))],
  ['a pipeline that is requested twice', 'requestsHaveTheirPipelines', twice(is('PipelineRequested'))],
  ['a pipeline nobody asked for', 'requestsHaveTheirPipelines', (history) => void history.requests.splice(0, 2)],
  ['a key that gave two pipelines', 'keysNameOnePipeline', (h) => void (h.requests[1]!.answer = { id: 'p2' })],
  ['two keys that gave one pipeline', 'keysNameOnePipeline', (h) => void (h.requests[1]!.key = 'k9')],
  ['an acknowledged retry that is not recorded', 'wishesAreRecorded', without(is('JobRetryRequested'))],
  ['a retry that is recorded twice', 'wishesAreRecorded', twice(is('JobRetryRequested'))],
  ['a pipeline that never ends', 'pipelinesEndOnce', (h) => void h.events.splice(-3, 1)],
  ['a pipeline that ends twice', 'pipelinesEndOnce', twice(is('PipelineFinished'))],
  ['an end that is not taken up again', 'pipelinesEndOnce', without(is('PipelineReopened'))],
  ['a pipeline that starts twice', 'jobsFollowTheRules', twice(is('PipelineStarted'))],
  ['a job that stays queued', 'jobsFollowTheRules', without(is('JobAssigned', { jobId: TEST, attempt: 2 }))],
  ['a job that stays assigned', 'jobsFollowTheRules', without(is('JobSucceeded', { jobId: TEST, attempt: 1 }))],
  ['a job that is queued twice', 'jobsFollowTheRules', twice(is('JobQueued', firstBuild))],
  ['a job that is assigned twice', 'jobsFollowTheRules', twice(is('JobAssigned', firstBuild))],
  ['a job that ends twice', 'jobsFollowTheRules', twice(is('JobSucceeded', secondBuild))],
  ['an attempt that is left out', 'jobsFollowTheRules', changed(is('JobQueued', secondBuild), { attempt: 3 })],
  [
    'the next attempt assigned before the last one has finished',
    'jobsFollowTheRules',
    before(is('JobAssigned', secondBuild), is('AttemptFinished', firstBuild)),
  ],
  [
    'a job that succeeds before its attempt has finished',
    'jobsFollowTheRules',
    before(is('JobSucceeded', { jobId: TEST, attempt: 1 }), is('AttemptFinished', { jobId: TEST, attempt: 1 })),
  ],
  [
    'a job that succeeds although its attempt failed',
    'jobsFollowTheRules',
    changed(is('AttemptFinished', { jobId: TEST, attempt: 1 }), { outcome: 'failed' }),
  ],
  [
    'a job that succeeds before its artifact is visible',
    'jobsFollowTheRules',
    before(is('JobSucceeded', secondBuild), is('ArtifactCommitted')),
  ],
  [
    'a job queued after the pipeline was cancelled',
    'jobsFollowTheRules',
    addedBefore(is('JobQueued', { jobId: TEST, attempt: 1 }), ...cancelling),
  ],
  [
    'a job assigned after the pipeline was cancelled',
    'jobsFollowTheRules',
    addedBefore(is('JobAssigned', { jobId: TEST, attempt: 1 }), ...cancelling),
  ],
  [
    'a result that the jobs do not bear out',
    'jobsFollowTheRules',
    changed(is('PipelineFinished'), { status: 'failed' }),
  ],
  [
    'a pipeline that ends while a job goes on',
    'jobsFollowTheRules',
    before(is('PipelineFinished'), is('JobSucceeded', { jobId: TEST, attempt: 1 })),
  ],
  [
    'a job that fails for no reason of its own',
    'failuresArePlanned',
    changed(is('JobFailed'), { reason: 'missing_artifact' }),
  ],
  ['an attempt that starts twice', 'attemptsStartAndEndOnce', twice(is('AttemptStarted', firstBuild))],
  ['an attempt that ends twice', 'attemptsStartAndEndOnce', twice(is('AttemptFinished', firstBuild))],
  ['an attempt that never ends', 'attemptsStartAndEndOnce', without(is('AttemptFinished', firstBuild))],
  ['an assigned attempt that never ends', 'assignmentsEnd', without(is('AttemptFinished', firstBuild))],
  ['an attempt that nobody assigned', 'attemptsWereAssigned', without(is('JobAssigned', secondBuild))],
  [
    'an attempt on a foreign runner',
    'attemptsWereAssigned',
    changed(is('AttemptStarted', firstBuild), { runnerId: 'two' }),
  ],
  [
    'two attempts of a job at once',
    'attemptsDoNotOverlap',
    before(is('AttemptStarted', secondBuild), is('AttemptFinished', firstBuild)),
  ],
  ['a process without a recorded start', 'processesRanAsRecorded', (h) => void h.side.set('p1.7.1', [])],
  [
    'an attempt that ran twice',
    'processesRanAsRecorded',
    ({ side }) => void side.get(`${BUILD}.2`)!.push({ ...side.get(`${BUILD}.2`)![0]! }),
  ],
  [
    'a process that outlived the end of its attempt',
    'processesRanAsRecorded',
    ({ side }) => void (side.get(`${BUILD}.1`)!.at(-1)!.at += 10_000),
  ],
  [
    'a process that ran before its start was recorded',
    'processesRanAsRecorded',
    ({ side }) => void (side.get(`${BUILD}.1`)![0]!.at -= 10_000),
  ],
  ['a log that was never sealed', 'logsAreSealed', without(is('LogSealed'))],
  ['a log that was sealed twice', 'logsAreSealed', twice(is('LogSealed'))],
  ['a sealed log that grew', 'logsAreSealed', ({ logs }) => grow(logs.get(`${BUILD}.2`)!)],
  ['a sealed log with a changed byte', 'logsAreSealed', ({ logs }) => void (logs.get(`${BUILD}.2`)!.bytes[3]! ^= 1)],
  ['a sealed log that is lost', 'logsAreSealed', ({ logs }) => void logs.delete(`${BUILD}.1`)],
  [
    'a log that is not what the runner sent',
    'logsAreSealed',
    changed(is('LogSealed', { complete: true }), { complete: false }),
  ],
  ['a log that lacks its last line', 'logsHoldWhatJobsWrote', ({ side }) => addLine(side.get(`${BUILD}.2`)!)],
  [
    'a log with a line that the job did not write',
    'logsHoldWhatJobsWrote',
    ({ side }) => void (side.get(`${BUILD}.2`)![1]!.text = 'line 2 of p1.0.2 at 77'),
  ],
  ['a viewer who saw other bytes', 'viewersSawTheLog', ({ seen }) => void (seen[0]!.bytes = Buffer.from('other'))],
  ['a viewer who was sent away too early', 'viewersSawTheLog', ({ seen }) => void (seen[0]!.complete = true)],
  ['an artifact without its manifest', 'treesAreWhole', (h) => void (h.trees[0]!.manifestDigest = '0'.repeat(64))],
  ['an artifact without its files', 'treesAreWhole', onlyManifests],
  ['an artifact with a changed file', 'treesAreWhole', damagedFiles],
  ['an artifact that is committed twice', 'artifactsAreCommittedOnce', twice(is('ArtifactCommitted'))],
  [
    'an artifact that is not what was uploaded',
    'artifactsAreCommittedOnce',
    changed(is('ArtifactCommitted'), { manifestDigest: '0'.repeat(64) }),
  ],
  [
    'an end that a subscriber is not told',
    'endsAreTold',
    without(is('NotificationRequested', { notificationId: 'n2' })),
  ],
  ['an end that a subscriber is told twice', 'endsAreTold', twice(is('NotificationRequested'))],
  ['a notification that has no end', 'notificationsArrive', without(is('NotificationDelivered'))],
  ['a notification that never arrived', 'notificationsArrive', ({ received }) => void received.shift()],
  ['a notification that nobody wanted', 'notificationsArrive', ({ received }) => void received.push('n3')],
  ['a deployment that starts twice', 'deploymentsEndOnce', twice(is('DeploymentStarted'))],
  ['a deployment that never ends', 'deploymentsEndOnce', without(is('DeploymentSucceeded'))],
  [
    'a deployment that is begun again after a crash',
    'deploymentsAreNotRepeated',
    changed(is('JobRetried', { jobId: TEST }), { by: 'runner_lost' }),
  ],
  [
    'a gap in a stream',
    'revisionsAreContiguous',
    ({ events }) =>
      void events.splice(
        events.findIndex(({ type }) => type === 'PipelineStarted'),
        1,
      ),
  ],
  ['an event out of order', 'revisionsAreContiguous', ({ events }) => void (events[4]!.position = 1)],
  ['an event that is stored twice', 'idsAreUnique', ({ events }) => void (events[4]!.id = events[3]!.id)],
  ['a read model that differs', 'replayIsEqual', ({ replay }) => void replay.differences.push('jobs/p1.0')],
  ['a log that does not verify', 'replayIsEqual', ({ replay }) => void (replay.failure = 'damaged')],
  [
    'events that were set aside',
    'nothingIsParked',
    ({ parked }) => void parked.push({ group: 'scheduler', key: 'p1', eventType: 'JobQueued', error: 'no' }),
  ],
  ['a service that is behind', 'busIsHandled', ({ checkpoints }) => void (checkpoints['runner'] = 3)],
  ['a process that is left', 'nothingIsLeftOver', (h) => void h.leftovers.processes.push({ pid: 7, command: 'sleep' })],
  ['a directory that is left', 'nothingIsLeftOver', (h) => void h.leftovers.directories.push('p1.0.1')],
  ['an answer of 500', 'serverBehaved', ({ server }) => void server.internalErrors.push('GET /')],
  ['a server that ended by itself', 'serverBehaved', ({ server }) => void server.unexpectedEnds.push('code 1')],
  ['an attempt that runs on when its job has begun elsewhere', 'givenAwayAttemptsAreDead', lateLine(0.5)],
  [
    'a lost runner that does not stop',
    'lostRunnersStop',
    (history) => {
      lateLine(9000)(history);
      history.graceMs = 1500;
    },
  ],
  ['an effect that an event has twice', 'eventsHaveOneEffect', twice(is('DeploymentStarted'))],
  [
    'an effect that an event has in a second stream as well',
    'eventsHaveOneEffect',
    ({ events }) => {
      for (const event of events.filter(is('NotificationRequested'))) event.causationId = 'one end';
    },
  ],
  ['a rule that holds twice by one event', 'eventsHaveOneEffect', (history) => rulesHold(history, 'one', 'one')],
  ['an event whose effect is missing', 'eventsHaveOneEffect', without(is('EnvironmentDeployed'))],
  ['a log that counts as whole although its runner never said so', 'logsAreSealed', wholeByItself],
  [
    'a job that is to deploy after its pipeline was cancelled',
    'nothingIsDeployedAfterACancellation',
    addedBefore(is('JobAssigned', { jobId: TEST, attempt: 1 }), ...cancelling),
  ],
  [
    'a deployment that follows from nothing',
    'nothingIsDeployedAfterACancellation',
    ({ events }) => void (events.find(is('DeploymentStarted'))!.causationId = 'nothing'),
  ],
  [
    'a cancelled job that counts as deployed',
    'nothingIsDeployedAfterACancellation',
    (history) => void (history.events.find(is('JobSucceeded', { jobId: TEST, attempt: 1 }))!.type = 'JobCancelled'),
  ],
  [
    'a job that deploys although it was cancelled before it began',
    'nothingIsDeployedAfterACancellation',
    addedBefore(is('AttemptStarted', { jobId: TEST, attempt: 1 }), 'pipeline-p1', 'JobCancelled', {
      jobId: TEST,
      attempt: 1,
    }),
  ],
  [
    'a deployment that succeeds after its attempt was given away',
    'givenAwayAttemptsChangeNothing',
    (history) => {
      givenAway(history);
      const assigned = history.events.find(is('JobAssigned', firstBuild))!;
      history.events.find(is('DeploymentStarted'))!.causationId = assigned.id;
    },
  ],
  [
    'an upload that becomes visible although its attempt was lost for good',
    'givenAwayAttemptsChangeNothing',
    (history) => {
      givenAway(history);
      changed(is('ArtifactUploaded'), { attemptId: `${BUILD}.1` })(history);
      without(is('JobRetried', { jobId: BUILD }))(history);
    },
  ],
  [
    'an upload that becomes visible after its attempt was given away',
    'givenAwayAttemptsChangeNothing',
    (history) => {
      givenAway(history);
      changed(is('ArtifactUploaded'), { attemptId: `${BUILD}.1` })(history);
    },
  ],
];

function wholeByItself(history: History): void {
  changed(is('LogSealed', { complete: false }), { complete: true })(history);
}

function grow(log: { bytes: Buffer }): void {
  log.bytes = Buffer.concat([log.bytes, Buffer.from('more\n')]);
}

function addLine(lines: { text: string; number: number; at: number }[]): void {
  lines.push({ ...lines.at(-1)!, text: 'line 4 of p1.0.2 at 3', number: 4 });
}

function onlyManifests(history: History): void {
  const { objects, trees } = history;
  const manifests = new Set(trees.map(({ manifestDigest }) => manifestDigest));
  history.objects = (digest) => (manifests.has(digest) ? objects(digest) : undefined);
}

function damagedFiles(history: History): void {
  const { objects, trees } = history;
  const manifests = new Set(trees.map(({ manifestDigest }) => manifestDigest));
  history.objects = (digest) => (manifests.has(digest) ? objects(digest) : Buffer.from('else'));
}

describe('the checks of a history', () => {
  it('find nothing in a good one', () => {
    expect(checkHistory(goodHistory())).toEqual([]);
  });

  it('find nothing in one whose lost runner never said how its attempt had ended', () => {
    const history = goodHistory();
    without((event) => event.type === 'AttemptFinished' && event.data['attemptId'] === `${BUILD}.1`)(history);
    givenAway(history);

    expect(checkHistory(history)).toEqual([]);
  });

  it('find nothing in one whose lost runner said that all went well when its log had been closed', () => {
    const history = goodHistory();
    givenAway(history);
    const log = { bytes: 9_999, sha256: '0'.repeat(64) };
    const first = is('AttemptFinished', { attemptId: `${BUILD}.1` });
    before(first, is('JobAssigned', secondBuild))(history);
    changed(first, { outcome: 'success', log })(history);

    expect(checkHistory(history).filter(({ rule }) => rule.startsWith('logs'))).toEqual([]);
  });

  it('find nothing in one in which two rules hold by one event', () => {
    const history = goodHistory();
    rulesHold(history, 'one', 'other');
    expect(checkHistory(history).filter(({ rule }) => rule === 'eventsHaveOneEffect')).toEqual([]);
  });

  it.each(MUTANTS)('report %s', (_violation, rule, plant) => {
    const history = goodHistory();
    plant(history);

    expect(checkHistory(history).map((found) => found.rule)).toContain(rule);
  });

  it('have a violation planted for each of them', () => {
    expect(Object.keys(CHECKS).toSorted()).toEqual([...new Set(MUTANTS.map(([, rule]) => rule))].toSorted());
  });
});
