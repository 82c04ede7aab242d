import type { Kafka } from 'kafkajs';
import type { RecordedEvent } from '@foldline/contracts';
import { TransientError, type EventStore } from '@foldline/kernel';
import type { RelayCheckpoint } from './checkpoint-topic.ts';
import { HandledMarks, type MarkedGroup } from './handled-marks.ts';
import { groupLags } from './lag.ts';
import { partitionOf } from './partition-of.ts';
import { openPublisher } from './publisher.ts';
import type { Topics } from './topics.ts';

/** A group as far as it runs here. */
export type AuditedGroup = MarkedGroup & {
  /** Whether an event that must have come by this partition is known not to have. */
  misses: (partition: number, event: RecordedEvent) => boolean;
};

export type AuditOptions = {
  kafka: Kafka;
  topics: Topics;
  /** The log as it is stored: references to large payloads stay references. */
  store: EventStore;
  checkpoints: () => Promise<Iterable<RelayCheckpoint>>;
  /** Told of events that Kafka had acknowledged and has lost; they have been published again. */
  onLost: (events: readonly RecordedEvent[]) => void;
  /** Between two rounds. */
  pause: () => Promise<void>;
  closing: AbortSignal;
  onTrouble: (error: Error) => void;
  /** Told once, when it cannot go on. */
  onFailure: (error: unknown) => void;
};

/** An event that a group does not know, although it had time to arrive. */
type Suspect = {
  event: RecordedEvent;
  partition: number;
  /** The end of its partition once its relay has it for published. */
  end?: number;
};

/** Events looked at in one round, and how many of them may wait to be judged. */
const SAMPLE = 500;

/**
 * Compares a sample of the log with what has arrived (reliability 2.1). A lost event shows by itself when a later one of
 * its stream arrives; this finds those that nothing comes behind, and publishes them again, for every group.
 *
 * An event is lost when its relay has it for published, and a group that has handled everything which was in its
 * partition afterwards does not know it. So what is suspected in one round is judged in a later one: it is kept until
 * it has arrived, or is known to be lost.
 */
export class ArrivalAudit {
  private readonly groups: AuditedGroup[] = [];
  private readonly marks: HandledMarks;
  private after: number | undefined;
  private upTo = 0;
  private suspects: Suspect[] = [];

  constructor(private readonly options: AuditOptions) {
    this.marks = new HandledMarks(options);
  }

  add(group: AuditedGroup): void {
    this.groups.push(group);
  }

  /** Rounds until the bus closes; what cannot be told now is told by a later one. */
  async run(): Promise<void> {
    const { pause, closing, onTrouble, onFailure } = this.options;
    while (!closing.aborted) {
      try {
        await this.round();
      } catch (error) {
        if (!(error instanceof TransientError)) return onFailure(error);
        onTrouble(error);
      }
      await pause();
    }
  }

  /** Looks at what was stored between the last two rounds, so that it has had time to arrive. */
  private async round(): Promise<void> {
    this.suspects = this.suspects.filter((suspect) => this.isMissed(suspect));
    await this.judge();
    const { store } = this.options;
    const last = await store.lastPosition();
    const room = SAMPLE - this.suspects.length;
    if (this.after !== undefined && this.upTo > this.after && room > 0) {
      const stored = await store.readAll({ after: this.after, limit: room });
      this.suspect(stored.filter(({ position }) => position <= this.upTo));
    }
    await this.findEnds();
    if (this.after !== undefined) await this.marks.round(this.groups);
    this.after = this.after === undefined ? last : this.upTo;
    this.upTo = last;
  }

  private suspect(events: readonly RecordedEvent[]): void {
    const { topics } = this.options;
    const looked = events.map((event) => ({ event, partition: partitionOf(event.correlationId, topics) }));
    this.suspects.push(...looked.filter((suspect) => this.isMissed(suspect)));
  }

  /** For those that have been published since: whoever has handled their partition up to there was to be given them. */
  private async findEnds(): Promise<void> {
    const waiting = this.suspects.filter(({ end }) => end === undefined);
    if (waiting.length === 0) return;
    const { kafka, topics, checkpoints } = this.options;
    const relays = [...(await checkpoints())];
    const published = waiting.filter(({ event: { stream, position } }) =>
      relays.some((relay) => relay.position >= position && relay.categories.includes(categoryOf(stream))),
    );
    if (published.length === 0) return;
    // A group that never was, so that only the ends of the partitions are looked at.
    const [ends] = await groupLags(kafka, topics, [{ group: '', groupId: `${topics.events}.audit` }]);
    for (const suspect of published)
      suspect.end = ends?.partitions.find(({ partition }) => partition === suspect.partition)?.end ?? 0;
  }

  private async judge(): Promise<void> {
    const published = this.suspects.filter(({ end }) => end !== undefined);
    if (published.length === 0) return;
    const { kafka, topics, onLost } = this.options;
    const lags = await groupLags(kafka, topics, this.groups);
    const lost = new Set(
      published.filter(({ event, partition, end = 0 }) =>
        this.groups.some(({ group, misses }) => {
          const partitions = lags.find((lag) => lag.group === group)?.partitions ?? [];
          const committed = partitions.find((each) => each.partition === partition)?.committed ?? 0;
          return committed >= end && misses(partition, event);
        }),
      ),
    );
    if (lost.size === 0) return;
    const events = [...lost].map(({ event }) => event);
    await this.publishAgain(events);
    this.suspects = this.suspects.filter((suspect) => !lost.has(suspect));
    onLost(events);
  }

  private async publishAgain(events: readonly RecordedEvent[]): Promise<void> {
    const publisher = await openPublisher(this.options.kafka, this.options.topics.events);
    try {
      await publisher.publish(events.map((event) => ({ event, value: JSON.stringify(event) })));
    } finally {
      await publisher.close();
    }
  }

  private isMissed({ event, partition }: Suspect): boolean {
    return this.groups.some(({ misses }) => misses(partition, event));
  }
}

const categoryOf = (stream: string): string => stream.slice(0, Math.max(0, stream.indexOf('-')));
