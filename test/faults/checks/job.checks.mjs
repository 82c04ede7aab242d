import { attemptIdOf, givenAway, letGo, ofType, streamsOf } from './events.mjs';

const ACTIVE = new Set(['queued', 'assigned', 'finishing', 'below']);
const OUTCOMES = { JobSucceeded: 'success', JobFailed: 'failed', JobCancelled: 'cancelled', JobSkipped: 'skipped' };
const COMMITS = { ArtifactCommitted: 'artifactId', CacheCommitted: 'cacheId', CacheRefused: 'cacheId' };

/** When attempts ended and uploads became visible, by position in the log. */
const milestones = (events) => ({
  away: givenAway(events),
  letGo: letGo(events),
  started: new Set(ofType(events, 'AttemptStarted').map(({ data }) => data.attemptId)),
  finished: new Map(ofType(events, 'AttemptFinished').map((event) => [event.data.attemptId, event])),
  commits: ofType(events, ...Object.keys(COMMITS)).map(({ type, data, position }) => ({
    id: data[COMMITS[type]],
    jobId: data.jobId,
    position,
  })),
  ends: ofType(events, 'PipelineFinished').map(({ data, position }) => ({ ...data, position })),
});

/**
 * I3, I5, I6, I7 and I13 for one pipeline: follows what its stream says and reports each step that the steps before it
 * do not allow. Knows nothing of how the scheduler decides.
 */
class PipelineWalk {
  problems = [];
  jobs = new Map();
  phase = 'new';
  cancelling = false;
  mayFail = new Set();

  constructor(pipelineId, known) {
    Object.assign(this, { pipelineId, ...known });
  }

  follow(events) {
    for (const event of events) this.step(event);
    for (const [jobId, { status }] of this.jobs) if (ACTIVE.has(status)) this.report(`${jobId} is stuck: ${status}`);
    return this.problems;
  }

  report(message) {
    this.problems.push(message);
  }

  step(event) {
    const { type, data } = event;
    if (type === 'PipelineStarted') {
      if (this.phase !== 'new') this.report(`pipeline ${this.pipelineId} started twice`);
      this.phase = 'running';
      const optional = (data.plan?.jobs ?? []).filter(({ allowFailure }) => allowFailure);
      this.mayFail = new Set(optional.map(({ index }) => `${this.pipelineId}.${index}`));
    }
    if (type === 'PipelineCancelling') this.cancelling = data.reason ?? 'asked for';
    if (type === 'PipelineReopened') Object.assign(this, { phase: 'running', cancelling: false });
    if (type === 'JobRetried' || type === 'JobPlayed' || type === 'DownstreamReopened') this.decideSkippedAgain();
    if (type === 'PipelineFinished') this.pipelineFinished(data);
    const handler = data.jobId !== undefined && this[type];
    if (handler) handler.call(this, event, this.jobs.get(data.jobId) ?? { status: 'created', attempt: 0 });
  }

  /** Behind a job that runs again, jobs that were skipped get their chance again. */
  decideSkippedAgain() {
    for (const job of this.jobs.values()) if (job.status === 'skipped') job.status = 'created';
  }

  pipelineFinished({ status }) {
    this.phase = 'finished';
    const active = [...this.jobs].filter(([, job]) => ACTIVE.has(job.status)).map(([jobId]) => jobId);
    if (active.length > 0) this.report(`pipeline ${this.pipelineId} finished while ${active.join()} went on`);
    const ends = [...this.jobs].filter(([jobId]) => !this.mayFail.has(jobId)).map(([, job]) => job.status);
    const failed = [...this.jobs.values()].some((job) => job.status === 'failed' && !job.allowed);
    const asked = this.cancelling && this.cancelling !== 'job_failed';
    const cancelled = ends.includes('cancelled') ? 'cancelled' : 'success';
    const expected = asked ? 'cancelled' : failed ? 'failed' : cancelled;
    if (status !== expected) this.report(`pipeline ${this.pipelineId} finished as ${status}; its jobs say ${expected}`);
  }

  JobQueued({ data }, job) {
    this.begins('queued', data, job);
  }

  /** The job starts another pipeline, and ends when and as that does. */
  DownstreamRequested({ data }, job) {
    this.begins('below', data, { ...job, downstreamId: data.downstreamId });
  }

  DownstreamReopened({ data }, job) {
    if (!Object.values(OUTCOMES).includes(job.status))
      this.report(`${data.jobId} was reopened while it was ${job.status}`);
    this.jobs.set(data.jobId, { ...job, status: 'below' });
  }

  begins(status, { jobId, attempt }, job) {
    if (this.cancelling) this.report(`${jobId} was ${status} after the pipeline was cancelled`);
    if (this.phase !== 'running') this.report(`${jobId} was ${status} while the pipeline was ${this.phase}`);
    if (ACTIVE.has(job.status)) this.report(`${jobId} was ${status} while it was ${job.status}`);
    if (attempt !== job.attempt + 1) this.report(`${jobId} went from attempt ${job.attempt} to ${attempt}`);
    this.jobs.set(jobId, { ...job, status, attempt });
  }

  /** Opens the attempt, which is queued when its resource group lets it. */
  JobAwaitsResource({ data }, job) {
    this.jobs.set(data.jobId, { ...job, status: 'created', attempt: data.attempt - 1 });
  }

  JobAssigned({ data, position }, job) {
    const { jobId, attempt } = data;
    if (this.cancelling) this.report(`${jobId} was assigned after the pipeline was cancelled`);
    if (job.status !== 'queued' || job.attempt !== attempt)
      this.report(`attempt ${attempt} of ${jobId} was assigned while attempt ${job.attempt} was ${job.status}`);
    for (const earlier of job.assigned ?? [])
      this.mustBeOver(`${jobId}.${earlier}`, position, 'the next one was assigned');
    this.jobs.set(jobId, { ...job, status: 'assigned', attempt, assigned: [...(job.assigned ?? []), attempt] });
  }

  JobFinishing({ data, position }, job) {
    this.mustBe(['assigned'], 'finishing', data, job);
    this.mustHaveFinished(attemptIdOf(data), position, 'the scheduler knew');
    this.jobs.set(data.jobId, { ...job, status: 'finishing' });
  }

  JobSucceeded(event, job) {
    if (job.status === 'below') return this.endsAs(['success', 'skipped'], event, job);
    this.mustBe(['assigned', 'finishing'], 'success', event.data, job);
    const end = this.mustHaveFinished(attemptIdOf(event.data), event.position, 'its job ended');
    if (end && end.data.outcome !== 'success')
      this.report(`${event.data.jobId} succeeded; its attempt ${end.data.outcome}`);
    for (const id of end?.data.commits ?? []) {
      const there = this.commits.some(
        (commit) => commit.id === id && commit.jobId === event.data.jobId && commit.position < event.position,
      );
      if (!there) this.report(`${event.data.jobId} succeeded before its upload ${id} was visible`);
    }
    this.settle(event, job);
  }

  JobFailed(event, job) {
    const { reason } = event.data;
    if (job.status === 'below') return this.endsAs(['failed', 'timed_out'], event, job);
    this.mustBe(['assigned', 'finishing'], 'failed', event.data, job);
    if (reason === 'runner_lost') this.mustBeOver(attemptIdOf(event.data), event.position, 'its job ended');
    else this.mustHaveFinished(attemptIdOf(event.data), event.position, 'its job ended');
    this.settle(event, job);
  }

  JobCancelled(event, job) {
    if (job.status === 'assigned' || job.status === 'finishing')
      this.mustBeOver(`${event.data.jobId}.${job.attempt}`, event.position, 'its job ended');
    this.settle(event, job);
  }

  /** What was started below had ended so, when it had ended last before that. */
  endsAs(statuses, event, job) {
    const ends = this.ends.filter(
      ({ pipelineId, position }) => pipelineId === job.downstreamId && position < event.position,
    );
    if (!statuses.includes(ends.at(-1)?.status))
      this.report(`${event.type} of ${event.data.jobId}; what it started ${ends.at(-1)?.status ?? 'went on'}`);
    this.settle(event, job);
  }

  /** A new attempt is wanted because the one before was given away before it had begun. */
  JobRetried({ data, position }, job) {
    if (data.by !== 'not_started') return;
    this.mustBe(['assigned'], 'returned', { ...data, attempt: data.attempt - 1 }, job);
    this.mustBeOver(`${data.jobId}.${data.attempt - 1}`, position, 'it was returned');
    this.jobs.set(data.jobId, { ...job, status: 'created' });
  }

  JobSkipped(event, job) {
    if (ACTIVE.has(job.status)) this.report(`${event.data.jobId} was skipped while it was ${job.status}`);
    this.settle(event, job);
  }

  settle({ type, data }, job) {
    if (Object.values(OUTCOMES).includes(job.status))
      this.report(`${data.jobId} ended twice: ${job.status}, then ${type}`);
    this.jobs.set(data.jobId, { ...job, status: OUTCOMES[type], allowed: data.allowed });
  }

  mustBe(allowed, next, { jobId, attempt }, job) {
    if (!allowed.includes(job.status) || job.attempt !== attempt)
      this.report(`attempt ${attempt} of ${jobId} became ${next} while attempt ${job.attempt} was ${job.status}`);
  }

  /** Ended by its runner, or its runner is lost, or drains and has not begun it and never does. */
  mustBeOver(attemptId, before, moment) {
    if (this.away.get(attemptId) < before) return;
    if (this.letGo.get(attemptId) < before && !this.started.has(attemptId)) return;
    this.mustHaveFinished(attemptId, before, moment);
  }

  mustHaveFinished(attemptId, before, moment) {
    const end = this.finished.get(attemptId);
    if (!end || end.position > before) this.report(`${attemptId} had not finished when ${moment}`);
    return end;
  }
}

export const jobsFollowTheRules = ({ events }) => {
  const known = milestones(events);
  return [...streamsOf(events, 'pipeline')].flatMap(([id, list]) => new PipelineWalk(id, known).follow(list));
};

/** Jobs fail only for the reasons that the run gave them: a lost runner, and the one job whose first attempt fails. */
export const failuresArePlanned = ({ events, plannedFailures }) =>
  ofType(events, 'JobFailed')
    // What failed below is judged there.
    .filter(({ data: { reason } }) => reason !== 'runner_lost' && reason !== 'downstream_failed')
    .filter(({ data, position }) => !plannedFailures(data, position))
    .map(({ data }) => `${attemptIdOf(data)} failed for no planned reason: ${data.reason} ${data.detail ?? ''}`);
