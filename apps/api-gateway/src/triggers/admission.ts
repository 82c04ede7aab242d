import { Inject, Injectable } from '@nestjs/common';
import { PORT, Refusal, type Settings } from '@foldline/kernel';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { JobQueue } from '../jobs/job.queries.ts';

/** A queue this long takes a while; asking more often changes nothing. */
const QUEUE_RETRY_SECONDS = 30;
const DELIVERIES_PER_MINUTE = 200;

/**
 * What is taken in while there is too much to do. A request that is turned away can be sent again by whoever made it;
 * a push is taken however long the queue is, since a forge does not repeat it.
 */
@Injectable()
export class Admission {
  /** Of this process alone: several gateways together take as many times more. */
  private readonly deliveries = new RateLimiterMemory({ points: DELIVERIES_PER_MINUTE, duration: 60 });

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(JobQueue) private readonly queue: JobQueue,
  ) {}

  /** Refuses with `queue_full` while more jobs wait for a runner than the settings allow. */
  async pipeline(projectId: string): Promise<void> {
    const { total, perProject } = this.settings.queueLimit;
    const [all, own] = await Promise.all([
      this.queue.waiting(total + 1),
      this.queue.waiting(perProject + 1, projectId),
    ]);
    if (own > perProject) throw queueFull(`more than ${perProject} jobs of this project wait for a runner`);
    if (all > total) throw queueFull(`more than ${total} jobs wait for a runner`);
  }

  /** Refuses with `too_many_deliveries` when a repository sends more than 200 pushes in a minute. */
  async push(repository: string): Promise<void> {
    try {
      await this.deliveries.consume(repository.toLowerCase());
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      throw new Refusal('too_many_deliveries', `${repository} was pushed to more than ${DELIVERIES_PER_MINUTE} times`, {
        retryAfterSeconds: Math.ceil(error.msBeforeNext / 1000),
      });
    }
  }
}

const queueFull = (message: string): Refusal =>
  new Refusal('queue_full', message, { retryAfterSeconds: QUEUE_RETRY_SECONDS });
