import { randomUUID } from 'node:crypto';
import { TransientError, type Clock, type Logger } from '@foldline/kernel';
import { redisScript, type RedisConnection } from '@foldline/redis';

/**
 * Takes the claim when it is free, renews it when it is ours; answers 0 then, else the milliseconds it is still another's.
 * Taking and renewing are one script, for a request whose answer was lost may have taken the claim.
 */
const contendScript = redisScript(`
local holder = redis.call('GET', KEYS[1])
if holder == false or holder == ARGV[1] then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 0
end
return math.max(redis.call('PTTL', KEYS[1]), 1)
`);

const releaseScript = redisScript(`
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`);

/** Attempts in one time to live. */
const ATTEMPTS = 3;
/** Attempts in a row without an answer, after which everybody holds. Counted, not timed: a frozen process makes none. */
const SILENT_ATTEMPTS = 2 * ATTEMPTS;
const SHORTEST_PAUSE_MS = 10;

type Answer = { kind: 'ours' } | { kind: 'others'; forMs: number } | { kind: 'silence' };

export type ContentionOptions = {
  redis: RedisConnection;
  clock: Clock;
  logger: Logger;
  name: string;
  ttlMs: number;
  onChange: (held: boolean) => void;
  signal: AbortSignal;
};

/** One process contending for one claim. */
export class Contention {
  private readonly token = randomUUID();
  private readonly key: string;
  private readonly periodMs: number;
  private held = false;
  /** When the claim was last asked for with success; it is ours for `ttlMs` from then at least. */
  private renewedAt = -Infinity;
  private silent = 0;

  constructor(private readonly options: ContentionOptions) {
    this.key = options.redis.key('claims', options.name);
    this.periodMs = options.ttlMs / ATTEMPTS;
  }

  async run(): Promise<void> {
    const { clock, signal } = this.options;
    try {
      while (!signal.aborted) {
        const askedAt = clock.monotonic();
        this.giveUpWhenLate(askedAt);
        const answer = await this.ask();
        if (signal.aborted) break;
        this.take(answer, askedAt);
        const pause = answer.kind === 'others' ? Math.min(this.periodMs, answer.forMs + 1) : this.periodMs;
        const rest = pause - (clock.monotonic() - askedAt);
        await clock.sleep(Math.max(rest, answer.kind === 'silence' ? 1 : SHORTEST_PAUSE_MS), signal);
      }
    } finally {
      this.change(false);
      await this.release();
    }
  }

  /** The keeper's answer; silence when there is none within the time in which it would be of use. */
  private async ask(): Promise<Answer> {
    const { redis, clock, logger, name, ttlMs, signal } = this.options;
    const answered = new AbortController();
    const asking = redis
      .run('contend for a claim', contendScript, this.key, this.token, ttlMs)
      .then((forMs): Answer => (forMs === 0 ? { kind: 'ours' } : { kind: 'others', forMs: Number(forMs) }))
      .catch((err: unknown): Answer => {
        if (!(err instanceof TransientError)) logger.error({ err, claim: name }, 'a claim cannot be contended for');
        else logger.debug({ err, claim: name }, 'no answer about a claim');
        return { kind: 'silence' };
      });
    const late = clock
      .sleep(this.periodMs, AbortSignal.any([signal, answered.signal]))
      .then((): Answer => ({ kind: 'silence' }));
    const answer = await Promise.race([asking, late]);
    answered.abort();
    return answer;
  }

  private take(answer: Answer, askedAt: number): void {
    if (answer.kind === 'silence') {
      this.silent += 1;
      if (this.silent === SILENT_ATTEMPTS) this.holdAlone();
      return this.giveUpWhenLate(this.options.clock.monotonic());
    }
    this.silent = 0;
    if (answer.kind === 'ours') this.renewedAt = askedAt;
    // An answer that was long on its way is no claim any more.
    this.change(answer.kind === 'ours' && !this.isLate(this.options.clock.monotonic()));
  }

  private holdAlone(): void {
    const { logger, name, ttlMs } = this.options;
    logger.warn({ claim: name, ttlMs }, 'nobody keeps the claims: every process holds until Redis answers again');
    this.change(true);
  }

  private giveUpWhenLate(now: number): void {
    if (this.silent < SILENT_ATTEMPTS && this.isLate(now)) this.change(false);
  }

  private isLate(now: number): boolean {
    return now - this.renewedAt >= this.options.ttlMs;
  }

  private change(held: boolean): void {
    if (this.held === held) return;
    this.held = held;
    this.options.onChange(held);
  }

  /** Lets another have the claim at once; when it fails, the claim ends by itself. */
  private async release(): Promise<void> {
    const { redis, clock, logger, name } = this.options;
    const releasing = redis.run('give up a claim', releaseScript, this.key, this.token).catch((err: unknown) => {
      logger.debug({ err, claim: name }, 'a claim was not given up and ends by itself');
    });
    const done = new AbortController();
    await Promise.race([releasing, clock.sleep(this.periodMs, done.signal)]);
    done.abort();
  }
}
