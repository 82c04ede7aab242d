import type { FailureReason } from '@foldline/contracts';
import type { ServiceFailure } from '@foldline/kernel';

/** What the `code` of a failed deployment means and what to do about it, where no job can fail for the same. */
export const DEPLOYMENT_FAILURES: Readonly<
  Record<Exclude<ServiceFailure['code'], FailureReason>, { title: string; fix: string }>
> = {
  container_ended: {
    title: 'The container of the service ended at once',
    fix: 'Read the end of its output in the message: its command, its environment or what it needs is wrong.',
  },
  container_refused: {
    title: 'The Docker daemon does not start such a container',
    fix: 'The message tells what the daemon does not accept; an image without a command is one reason.',
  },
  health_check_failed: {
    title: 'The service was not healthy in time',
    fix: 'Look at what it answered last; correct health_check, or give it more time by timeout_seconds.',
  },
  timed_out: {
    title: 'The deployment took longer than an hour',
    fix: 'Look at the registry that the image comes from, and at the daemon; then deploy again.',
  },
  port_taken: {
    title: 'A port of the host is in use',
    fix: 'Publish the service at another port, or end what has this one.',
  },
};
