/** Wakes those who wait at the end of a log. Nobody polls, and nobody is kept waiting for by a writer. */
export class Followers {
  private readonly waiting = new Map<string, Set<Follower>>();

  join(attemptId: string): Follower {
    const follower = new Follower();
    const followers = this.waiting.get(attemptId) ?? new Set();
    this.waiting.set(attemptId, followers.add(follower));
    return follower;
  }

  leave(attemptId: string, follower: Follower): void {
    const followers = this.waiting.get(attemptId);
    followers?.delete(follower);
    if (followers?.size === 0) this.waiting.delete(attemptId);
  }

  wake(attemptId: string, appended?: Appended): void {
    for (const follower of this.waiting.get(attemptId) ?? []) follower.wake(appended);
  }

  /** The log is gone: whoever follows it has reached its end. */
  dismiss(attemptId: string): void {
    for (const follower of this.waiting.get(attemptId) ?? []) follower.dismiss();
  }
}

export type Appended = { offset: number; bytes: Buffer };

export class Follower {
  dismissed = false;
  private resolve: ((appended?: Appended) => void) | undefined;

  /** Settles at the next news; with the bytes themselves when they came while this follower was waiting. */
  news(): Promise<Appended | undefined> {
    return new Promise((resolve) => {
      this.resolve = resolve;
    });
  }

  wake(appended?: Appended): void {
    const { resolve } = this;
    this.resolve = undefined;
    resolve?.(appended);
  }

  dismiss(): void {
    this.dismissed = true;
    this.wake();
  }
}
