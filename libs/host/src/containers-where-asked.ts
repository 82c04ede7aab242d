import type { Executor } from '@foldline/kernel';

/** Jobs that name an image run in a container, where there are any; all others as processes of the host. */
export const inContainersWhereAsked = (processes: Executor, containers: Executor | undefined): Executor => {
  if (!containers) return processes;
  return {
    kinds: async () => (await Promise.all([processes.kinds(), containers.kinds()])).flat(),
    kindOf: (job) => (job.image === undefined ? processes : containers).kindOf(job),
    expect: (attemptId, image) => containers.expect?.(attemptId, image),
    open: (spec, signal) => (spec.container ? containers : processes).open(spec, signal),
    close: async () => void (await Promise.all([processes.close(), containers.close()])),
    sweep: async (attemptId) => {
      const swept = await Promise.all([processes, containers].map((each) => each.sweep(attemptId)));
      return { killed: swept.reduce((sum, { killed }) => sum + killed, 0) };
    },
  };
};
