import { AttemptFinished, attemptIdOf, type JobAssigned, type RecordedEvent } from '@foldline/contracts';
import type { Cause, Commands, Ports, Slots } from '@foldline/kernel';
import { AttemptLog } from '../logs/attempt-log.ts';
import type { WorkspaceLayers } from '../layers/workspace-layers.ts';
import { BuildLogFile, buildLogPath } from '../logs/build-log-file.ts';
import { Patience } from '../storage/patience.ts';
import { patientLogs } from '../storage/patient-stores.ts';
import type { ToolVersions } from '../storage/tool-versions.ts';
import { textMasker } from '../masking/secret-masker.ts';
import type { Workspaces } from '../workspace/workspaces.ts';
import { failureOf, withoutLog } from './attempt-failures.ts';
import { AttemptRecorder } from './attempt-recorder.ts';
import { jobEnvironment, type JobEnvironment } from './environment.ts';
import { containerOf, placesInContainer, type Places } from './job-container.ts';
import type { Surroundings } from './predefined.ts';
import type { JobScene } from './job-scene.ts';
import type { JobResult } from './job-endings.ts';
import { JobRun } from './run-job.ts';
import type { Seats } from './seats.ts';
import { overrides, type StopReason } from './stop-reason.ts';

const READ_MODELS_MS = 10_000;

export type Assigned = RecordedEvent<'JobAssigned', ReturnType<typeof JobAssigned>['data']>;
type ExecutionPorts = Pick<
  Ports,
  | 'executor'
  | 'images'
  | 'readStore'
  | 'readModels'
  | 'objectStore'
  | 'logStore'
  | 'clock'
  | 'secretBox'
  | 'logger'
  | 'settings'
>;

/** What the attempts of a process share; `withoutDocker` is told of a daemon that was not there for an attempt. */
export type Shared = { seats: Seats; turns: Slots; tools: ToolVersions; withoutDocker: () => Promise<void> };

/** One attempt that this runner carries out: its log, its facts, its workspace and its end. */
export class AttemptExecution {
  readonly attemptId: string;
  private readonly recorder: AttemptRecorder;
  private readonly commits: string[] = [];
  private run: JobRun | undefined;
  private layers: WorkspaceLayers | undefined;
  private buildLog: BuildLogFile | undefined;
  private stopped: StopReason | undefined;
  /** Aborts when nobody waits any more for a store to take the log. */
  private readonly hurried = new AbortController();

  constructor(
    private readonly event: Assigned,
    private readonly ports: ExecutionPorts,
    private readonly workspaces: Workspaces,
    private readonly shared: Shared,
    commands: Commands,
    cause: Cause,
  ) {
    this.attemptId = attemptIdOf(event.data.jobId, event.data.attempt);
    this.recorder = new AttemptRecorder(this.attemptId, { commands, clock: ports.clock, logger: ports.logger }, cause);
  }

  get runnerId(): string {
    return this.event.data.runnerId;
  }

  stop(reason: StopReason): void {
    if (overrides(reason, this.stopped)) this.stopped = reason;
    this.run?.stop(reason);
    if (reason === 'shutdown') this.recorder.hurry();
    if (reason !== 'timed_out') this.hurried.abort();
  }

  /**
   * Runs the attempt to its recorded end; never throws for what a job or its surroundings do. The directory stays until
   * the end is recorded: a process that goes down before that leaves it to the next one to report.
   */
  async carryOut(): Promise<void> {
    const { clock, logger } = this.ports;
    const began = clock.monotonic();
    const logs = patientLogs(this.ports.logStore, this.patience());
    this.buildLog = await this.openBuildLog();
    const log = new AttemptLog(this.attemptId, this.buildLog?.copying(logs) ?? logs);
    const result = await this.outcome(log).catch((error: unknown): JobResult => {
      logger.warn({ err: error, attemptId: this.attemptId }, 'an attempt failed in the runner');
      return failureOf(error);
    });
    if (result.detail && result.outcome !== 'success') log.warn(`Job ${result.outcome}: ${result.detail}`);
    // Whatever could not be kept of the log, the attempt's end must be: nobody else would report it.
    const closed = await log.close().catch((error: unknown) => {
      logger.warn({ err: error, attemptId: this.attemptId }, 'the log of an attempt could not be kept');
      return { brokenBy: error };
    });
    await this.buildLog?.close();
    const ending = 'brokenBy' in closed ? withoutLog(result, closed.brokenBy) : { ...result, log: closed };
    // Whoever gives it away again must know before that.
    if (ending.reason === 'docker_unavailable') await this.shared.withoutDocker();
    const { pipelineId, jobId, attempt, runnerId } = this.event.data;
    const about = { attemptId: this.attemptId, pipelineId, jobId, attempt, runnerId };
    await this.recorder.finish(
      AttemptFinished({
        ...about,
        durationMs: Math.round(clock.monotonic() - began),
        ...ending,
        commits: this.commits,
      }),
    );
    await this.layers?.close();
    await this.workspaces.release(this.attemptId);
  }

  /** Builds have their log as a file as well (S2-36). */
  private async openBuildLog(): Promise<BuildLogFile | undefined> {
    const { job, attempt } = this.event.data;
    const step = job.steps.find(({ kind }) => kind === 'build-image');
    if (step?.kind !== 'build-image') return undefined;
    const { buildLogDirectory } = this.ports.settings;
    const path = buildLogPath(buildLogDirectory, step.image.build, attempt);
    return BuildLogFile.open(buildLogDirectory, path, this.ports.logger);
  }

  /** A job whose output nobody takes stands still: more than what is spooled is not held for it. */
  private patience(): Patience {
    const { clock, logger } = this.ports;
    const { attemptId } = this;
    return new Patience({
      clock,
      signal: this.hurried.signal,
      begins: (store, err) => logger.warn({ err, attemptId }, `${store} does not answer: the output of a job waits`),
      ends: (store, waitedMs, answered) =>
        logger.info({ waitedMs, answered, attemptId }, `${store} is not waited for any more`),
    });
  }

  private async outcome(log: AttemptLog): Promise<JobResult> {
    const { data } = this.event;
    const ofRunner = this.shared.seats.take(data.runnerId);
    const ofProject = this.shared.seats.take(`${data.runnerId} ${data.context.project.id}`);
    try {
      return await this.seated(log, { ofRunner: ofRunner.number, ofProject: ofProject.number });
    } finally {
      ofRunner.leave();
      ofProject.leave();
    }
  }

  private async seated(log: AttemptLog, seat: Surroundings['seat']): Promise<JobResult> {
    const { data } = this.event;
    const { executor, settings, clock, secretBox } = this.ports;
    const kind = executor.kindOf(data.job);
    const isContainer = kind === 'docker';
    const around: Surroundings = {
      ...(isContainer ? placesInContainer(data) : this.placesOnHost()),
      executor: kind,
      version: settings.version,
      tags: settings.runners.find(({ id }) => id === data.runnerId)?.offer.tags ?? [],
      startedAt: clock.now(),
      seat,
    };
    const environment = jobEnvironment(data, around, secretBox);
    log.mask(environment.masked);
    const what = this.buildLog ? 'an image build' : `a ${isContainer ? 'container' : kind}`;
    log.tell(`Running on ${data.runnerId} (${data.cluster.power}) as ${what}, attempt ${data.attempt}`);
    this.workspaces.addFiles(this.attemptId, environment.files);
    const files = environment.files.size > 0 ? this.workspaces.filesOf(this.attemptId) : undefined;
    const container: JobScene['container'] = (variables) => containerOf(data, variables, files);
    this.layers = this.workspaces.layersOf(this.attemptId, !isContainer);
    this.run = new JobRun(
      this.scene(environment, log, isContainer ? container : undefined),
      (chunk) => log.write(chunk),
      {
        executor: this.ports.executor,
        images: this.ports.images,
        turns: this.shared.turns,
        reads: this.ports.readStore,
        objects: this.ports.objectStore,
        clock: this.ports.clock,
        preparation: {
          emptyWorkspace: () => this.workspaces.makeEmpty(this.attemptId),
          checkOut: () => this.checkOut(log),
          inputsShown: () => this.inputsShown(),
        },
      },
    );
    if (this.stopped) this.run.stop(this.stopped);
    return this.run.run();
  }

  private placesOnHost(): Places {
    return {
      workspace: this.workspaces.pathOf(this.attemptId),
      buildsDirectory: this.workspaces.all,
      filesDirectory: this.workspaces.filesOf(this.attemptId),
    };
  }

  /** What the job builds upon must be seen first; which tests have failed before is worth one wait, and no more. */
  private async inputsShown(): Promise<void> {
    const { artifactJobs, job, resume } = this.event.data;
    const reached = () => this.ports.readModels.reached(this.event.position, READ_MODELS_MS);
    if (artifactJobs.length + job.cache.length > 0 || resume) while (!this.stopped && !(await reached()));
    else if (job.artifacts?.readReports?.junit) await reached().catch(() => false);
  }

  private async checkOut(log: AttemptLog): Promise<void> {
    const { context } = this.event.data;
    await this.workspaces.prepare({
      attemptId: this.attemptId,
      projectId: context.project.id,
      url: context.project.url,
      ref: context.ref,
      sha: context.sha,
      protected: context.ref.protected,
      isComplete: this.ports.executor.kindOf(this.event.data.job) === 'docker',
    });
    log.tell(`Checked out ${context.sha.slice(0, 8)} of ${context.ref.name}`);
  }

  private scene(
    { variables, variablesWith, masked }: JobEnvironment,
    log: AttemptLog,
    container: JobScene['container'],
  ): JobScene {
    const { data } = this.event;
    return {
      assignment: data,
      about: { attemptId: this.attemptId, pipelineId: data.pipelineId, jobId: data.jobId, attempt: data.attempt },
      workspace: this.workspaces.pathOf(this.attemptId),
      scratch: this.workspaces.directoryOf(this.attemptId),
      layers: this.layers!,
      platformOf: (tool) => this.shared.tools.platformOf(tool, container?.(variables).image),
      ...(container && { container }),
      ...(this.buildLog && { buildLog: this.buildLog.path }),
      variables,
      variablesWith,
      hide: textMasker(masked),
      tell: (line) => log.tell(line),
      warn: (line) => log.warn(`WARNING: ${line}`),
      markLog: () => log.mark(),
      record: (fact) => this.recorder.record(fact),
      committing: (id, fact) => {
        this.commits.push(id);
        this.recorder.record(fact);
      },
    };
  }
}
