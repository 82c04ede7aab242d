/** Whoever reads a log as it grows. News that come while nobody waits are not lost. */
export class Follower {
  dismissed = false;
  private goAway: () => void = () => undefined;
  private woken = false;
  private resolve: (() => void) | undefined;

  /** What comes of the work, or nothing when this follower is dismissed first. One work at a time. */
  unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      this.goAway = () => resolve(undefined);
      work.then(resolve, reject);
    });
  }

  /** Settles at the next news, or at once when there were some since the last call. */
  async news(): Promise<void> {
    if (!this.woken) {
      await new Promise<void>((resolve) => {
        this.resolve = resolve;
      });
    }
    this.woken = false;
  }

  wake(): void {
    this.woken = true;
    this.resolve?.();
    this.resolve = undefined;
  }

  dismiss(): void {
    this.dismissed = true;
    this.goAway();
    this.wake();
  }
}

/** Those who follow logs in this process, by attempt. */
export class Followers {
  private readonly all = new Map<string, Set<Follower>>();

  join(attemptId: string): Follower {
    const follower = new Follower();
    const followers = this.all.get(attemptId) ?? new Set();
    this.all.set(attemptId, followers.add(follower));
    return follower;
  }

  leave(attemptId: string, follower: Follower): void {
    const followers = this.all.get(attemptId);
    followers?.delete(follower);
    if (followers?.size === 0) this.all.delete(attemptId);
  }

  /** Nobody is kept waiting by a store that is closed. */
  dismissAll(): void {
    for (const attemptId of this.all.keys()) this.dismiss(attemptId);
  }

  wake(attemptId: string): void {
    for (const follower of this.all.get(attemptId) ?? []) follower.wake();
  }

  /** The log is gone: whoever follows it has reached its end. */
  dismiss(attemptId: string): void {
    for (const follower of this.all.get(attemptId) ?? []) follower.dismiss();
  }
}
