import { Inject, Module } from '@nestjs/common';
import { behindTheBus, runService, type StartService, type Telemetry } from '@foldline/distributed';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { runnersNeeded, waitingJobs } from './dispatch/demand.ts';
import { DispatchService } from './dispatch/dispatch.service.ts';
import { SchedulerModule } from './scheduler.module.ts';

/** The queue is measured from when it has been read back; before, too little would be told. */
const start: StartService = async (opened, telemetry) => {
  let dispatch: DispatchService | undefined;
  @Module({ imports: [SchedulerModule] })
  class MeasuredScheduler {
    constructor(@Inject(DispatchService) found: DispatchService) {
      dispatch = found;
    }
  }
  const running = await behindTheBus('scheduler', MeasuredScheduler)(opened, telemetry);
  measure(dispatch!, opened.ports.settings.servers.runnerPools, telemetry);
  return running;
};

/** Every scheduler follows all pipelines, so each of them tells the same, whether it leads or not. */
const measure = (
  { dispatcher }: Pick<DispatchService, 'dispatcher'>,
  pools: Parameters<typeof runnersNeeded>[1],
  { metrics }: Telemetry,
): void => {
  metrics.gauges('foldline_jobs_waiting', 'Jobs that wait for a runner, by the cluster they ask for', 'cluster', () =>
    waitingJobs(dispatcher),
  );
  metrics.gauges(
    'foldline_runners_needed',
    'Runners that a pool needs for the jobs that it has and the waiting ones that it could take',
    'pool',
    () => runnersNeeded(dispatcher, pools),
  );
};

await runService({ service: 'scheduler', start, readModelsName: READ_MODELS_NAME, environment: process.env });
