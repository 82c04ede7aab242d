import type { LeaseTerms, RunnerHello } from '@foldline/contracts';

type Lease = { epoch: string; heardAt: number; hello?: RunnerHello };
export type SilentRunner = { runnerId: string; epoch: string; silentMs: number };

/** Whom this scheduler has heard of, and when, by monotonic time. Knows no clock and decides nothing for good. */
export class Leases {
  private readonly leases = new Map<string, Lease>();

  constructor(private readonly terms: LeaseTerms) {}

  heard(hello: RunnerHello, now: number): void {
    this.leases.set(hello.runnerId, { epoch: hello.epoch, heardAt: now, hello });
  }

  /** The log says that this runner is there; it has a lease to say so itself. */
  expect(runnerId: string, epoch: string, now: number): void {
    if (this.leases.get(runnerId)?.epoch !== epoch) this.leases.set(runnerId, { epoch, heardAt: now });
  }

  knows(runnerId: string): boolean {
    return this.leases.has(runnerId);
  }

  forget(runnerId: string, epoch: string): void {
    if (this.leases.get(runnerId)?.epoch === epoch) this.leases.delete(runnerId);
  }

  /** Nobody could be heard for a while: all silence before now counts for nothing. */
  renewAll(now: number): void {
    for (const lease of this.leases.values()) lease.heardAt = now;
  }

  /** The last hello of everybody who was heard of lately. */
  present(now: number): RunnerHello[] {
    return [...this.leases.values()].flatMap(({ hello, heardAt }) =>
      hello && now - heardAt < this.terms.suspectMs ? [hello] : [],
    );
  }

  suspects(now: number): SilentRunner[] {
    return this.silent(now, this.terms.suspectMs);
  }

  lost(now: number): SilentRunner[] {
    return this.silent(now, this.terms.leaseMs);
  }

  private silent(now: number, ms: number): SilentRunner[] {
    return [...this.leases].flatMap(([runnerId, { epoch, heardAt }]) =>
      now - heardAt >= ms ? [{ runnerId, epoch, silentMs: now - heardAt }] : [],
    );
  }
}
