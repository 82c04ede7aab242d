import type { RecordedEvent } from '@foldline/contracts';
import { persistently, type Failure } from '@foldline/delivery';
import { PermanentError, Refusal, type ParkedStream, type ParkedStreams } from '@foldline/kernel';
import { parkingOf, type ConsumerGroup, type GroupContext } from './consumer-group.ts';

type Replayed = { replayed: number; parked: boolean };

/** The keys that are set aside, in all groups of a bus. */
export class ParkedKeys implements ParkedStreams {
  /** What runs on each key now: one replay or discard at a time. */
  private readonly turns = new Map<string, Promise<unknown>>();

  constructor(
    private readonly groups: ReadonlyMap<string, ConsumerGroup>,
    private readonly context: GroupContext,
  ) {}

  async list(): Promise<ParkedStream[]> {
    return this.context.state.list();
  }

  replay(group: string, key: string): Promise<Replayed> {
    return this.inTurn(group, key, () => this.replayNow(this.groupOf(group), key));
  }

  discard(group: string, key: string): Promise<{ discarded: number }> {
    return this.inTurn(group, key, async () => {
      const discarded = this.context.state.unpark(group, key);
      this.groups.get(group)?.parkedKeys.delete(key);
      return { discarded };
    });
  }

  /** Resolves when no replay runs any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.turns.values());
  }

  private async replayNow(group: ConsumerGroup, key: string): Promise<Replayed> {
    const { state, closing } = this.context;
    for (let replayed = 0; ; replayed += 1) {
      const position = state.firstWaiting(group.name, key);
      if (position === undefined) {
        // Nothing can arrive between the look and this: events go on flowing right behind the last one replayed.
        state.unpark(group.name, key);
        group.parkedKeys.delete(key);
        return { replayed, parked: false };
      }
      if (closing.aborted || !(await this.handled(group, position))) return { replayed, parked: true };
      state.removeWaiting(group.name, key, position);
    }
  }

  /** Hands one waiting event to the handler, with the same patience as the first time. */
  private async handled(group: ConsumerGroup, position: number): Promise<boolean> {
    const { state, now } = this.context;
    const event = await this.eventAt(position);
    const failed = (failure: Failure): void => group.failed(event, failure);
    const came = await persistently(() => group.handler(event), this.context, failed);
    if (!came) return true;
    if (came === 'closing') return false;
    state.park(parkingOf(group.name, event, came.attempts, came.error, now()), []);
    failed(came);
    return false;
  }

  private async eventAt(position: number): Promise<RecordedEvent> {
    const [event] = await this.context.store.readAll({ after: position - 1, limit: 1 });
    if (event?.position !== position) throw new PermanentError(`the log has no event at position ${position}`);
    return event;
  }

  private groupOf(name: string): ConsumerGroup {
    const group = this.groups.get(name);
    if (!group) throw new Refusal('no_such_group', `no consumer group "${name}" runs here`, { group: name });
    return group;
  }

  private async inTurn<Result>(group: string, key: string, work: () => Promise<Result>): Promise<Result> {
    if (this.context.closing.aborted) throw new PermanentError('the bus is closed');
    const id = JSON.stringify([group, key]);
    const before = this.turns.get(id);
    const turn = before ? before.then(work, work) : work();
    this.turns.set(id, turn);
    try {
      return await turn;
    } finally {
      if (this.turns.get(id) === turn) this.turns.delete(id);
    }
  }
}
