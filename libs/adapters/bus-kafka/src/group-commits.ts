import type { Kafka } from 'kafkajs';
import { standingOf, withPosition } from './expired.ts';
import type { GroupMember } from './group-member.ts';
import type { PartitionIntake } from './partition-intake.ts';

export type GroupCommitsOptions = {
  kafka: Kafka;
  topic: string;
  groupId: string;
  member: GroupMember;
  /** Those that are ours now. */
  partitions: () => ReadonlyMap<number, PartitionIntake>;
  everyMs: number;
  everyEvents: number;
  closing: AbortSignal;
  onTrouble: (error: Error) => void;
};

/** Says how far a group is, as far as it runs here. */
export class GroupCommits {
  /** Position up to which the group has handled the whole log, as far as is known here. */
  handled = 0;
  /** What the group has been told of each partition since it is ours. */
  private committed = new Map<number, number>();
  private steps = 0;
  private timer: NodeJS.Timeout | undefined;
  private committing: Promise<void> = Promise.resolve();

  constructor(private readonly options: GroupCommitsOptions) {}

  /** See `MarkedGroup.handledUpTo`. Said again with every offset, so that whoever comes later knows it. */
  handledUpTo(position: number): void {
    if (position <= this.handled) return;
    this.handled = position;
    this.forget();
    this.moved();
  }

  /** What the group has said of itself, before the client replaces it by what it says when it finds messages gone. */
  async recall(): Promise<void> {
    const { kafka, topic, groupId } = this.options;
    this.handled = Math.max(this.handled, (await standingOf(kafka, topic, groupId)).handledUpTo);
  }

  /** The partitions are others. */
  forget(): void {
    this.committed = new Map();
  }

  moved(): void {
    const { everyEvents, everyMs, closing } = this.options;
    this.steps += 1;
    if (closing.aborted) return;
    if (this.steps >= everyEvents) void this.commit();
    else this.timer ??= setTimeout(() => void this.commit(), everyMs).unref();
  }

  /** One at a time. What could not be said is said with the next, or delivered again. */
  commit(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.steps = 0;
    this.committing = this.committing.then(() => this.commitNow());
    return this.committing;
  }

  private async commitNow(): Promise<void> {
    const { committed, handled } = this;
    const { member, onTrouble } = this.options;
    const partitions = this.options.partitions();
    const offsets = new Map<number, number>();
    for (const [partition, { next }] of partitions)
      if (next !== undefined && next > (committed.get(partition) ?? -1)) offsets.set(partition, next);
    if (offsets.size === 0 || !member.isMember) return;
    try {
      await member.commit(offsets, handled > 0 ? withPosition(handled) : undefined);
      for (const [partition, next] of offsets) committed.set(partition, next);
    } catch (error) {
      onTrouble(error as Error);
      if (this.options.partitions() === partitions) this.moved();
    }
  }
}
