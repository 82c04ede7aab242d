import { isBad, isMoving, isOptional, isSettled, type PipelineState } from '../pipeline/pipeline.state.ts';

/** What a pipeline's counters and sets must be, counted anew from its jobs. */
export const recount = ({ jobs, stages }: PipelineState) => {
  const isOpen = (index: number): boolean => !isSettled(jobs[index]!) && !isOptional(jobs[index]!);
  const indexes = jobs.map(({ planned }) => planned.index);
  const where = (test: (index: number) => boolean): number[] => indexes.filter(test);
  const counted = stages.map((stage) => ({
    unsettled: stage.jobs.filter(isOpen).length,
    bad: stage.jobs.filter((index) => isBad(jobs[index]!)),
    skipped: stage.jobs.filter((index) => {
      const { status, planned } = jobs[index]!;
      return status === 'skipped' && planned.waitsFor === 'stages';
    }),
  }));
  const firstUnsettled = counted.findIndex(({ unsettled }) => unsettled > 0);
  const ended = (bad: boolean, ...statuses: string[]): number =>
    jobs.filter((job) => statuses.includes(job.status) && isBad(job) === bad).length;
  const timedOut = jobs.filter((job) => isBad(job) && job.status === 'failed' && job.failure === 'job_timeout').length;
  return {
    open: where(isOpen).length,
    moving: jobs.filter(isMoving).length,
    blocking: where((index) => jobs[index]!.status === 'held' && !isOptional(jobs[index]!)),
    delayed: where((index) => jobs[index]!.status === 'delayed'),
    // Everything that became ready has been decided about when a command is over.
    ready: [],
    frontier: firstUnsettled < 0 ? stages.length - 1 : firstUnsettled,
    stages: counted,
    needsOpen: jobs.map(({ planned: { waitsFor } }) =>
      waitsFor === 'stages' ? 0 : waitsFor.filter(({ job }) => isOpen(job)).length,
    ),
    tally: {
      success: ended(false, 'success'),
      warned: ended(false, 'failed', 'cancelled'),
      skipped: ended(false, 'skipped'),
      cancelled: ended(true, 'cancelled'),
      failed: ended(true, 'failed') - timedOut,
      timedOut,
    },
  };
};

/** The same figures as the pipeline keeps them. */
export const kept = ({ open, moving, blocking, delayed, ready, frontier, stages, jobs, tally }: PipelineState) => ({
  open,
  moving,
  blocking: sorted(blocking),
  delayed: sorted(delayed),
  ready: sorted(ready),
  frontier,
  stages: stages.map(({ unsettled, bad, skipped }) => ({ unsettled, bad: sorted(bad), skipped: sorted(skipped) })),
  needsOpen: jobs.map(({ needsOpen }) => needsOpen),
  tally,
});

const sorted = (indexes: ReadonlySet<number>): number[] => [...indexes].toSorted((a, b) => a - b);
