import type { Kafka } from 'kafkajs';
import { OWNER } from '@foldline/contracts';
import type { EventStore } from '@foldline/kernel';
import type { RelayCheckpoint } from './checkpoint-topic.ts';
import { groupLags, relayLags } from './lag.ts';
import type { Topics } from './topics.ts';

/** A group as far as it runs here. */
export type MarkedGroup = {
  group: string;
  groupId: string;
  /** Told of a position up to which the group, wherever it runs, has handled the whole log. */
  handledUpTo: (position: number) => void;
};

export type HandledMarksOptions = {
  kafka: Kafka;
  topics: Topics;
  store: EventStore;
  checkpoints: () => Promise<Iterable<RelayCheckpoint>>;
};

type Candidate = { position: number; ends: ReadonlyMap<number, number> };

/**
 * Finds out now and then up to where in the log each group has handled everything, so that one which is away for longer
 * than the topic keeps events need not be handed the whole log again.
 *
 * A position is a candidate when every relay has published what it has up to there; it holds for a group that has
 * committed all that the topic had then. So a candidate of one round is judged in the next ones.
 */
export class HandledMarks {
  private readonly candidates = new Map<string, Candidate>();
  private looked = 0;

  constructor(private readonly options: HandledMarksOptions) {}

  async round(groups: readonly MarkedGroup[]): Promise<void> {
    const { kafka, topics } = this.options;
    // Before the ends of the partitions are asked for: what is published by now lies before them.
    const position = await this.published();
    for (const { group, partitions } of await groupLags(kafka, topics, groups)) {
      const candidate = this.candidates.get(group);
      if (
        candidate &&
        !partitions.every(({ partition, committed }) => committed >= (candidate.ends.get(partition) ?? 0))
      )
        continue;
      if (candidate) groups.find((each) => each.group === group)?.handledUpTo(candidate.position);
      this.candidates.set(group, { position, ends: new Map(partitions.map(({ partition, end }) => [partition, end])) });
    }
  }

  /** Position up to which all events are in the topic, as far as is known. */
  private async published(): Promise<number> {
    const { store, checkpoints } = this.options;
    const known = [...(await checkpoints())];
    const relays = await relayLags(store, known);
    const bounds = relays.map(({ oldest, storePosition }) => (oldest ? oldest.position - 1 : storePosition));
    const covered = new Set(known.flatMap(({ categories }) => categories));
    const others = Object.keys(OWNER).filter((category) => !covered.has(category));
    // A relay that has never said how far it is may have everything still to bring.
    const [first] = others.length > 0 ? await store.readAll({ after: this.looked, limit: 1, categories: others }) : [];
    this.looked = Math.min(...(bounds.length > 0 ? bounds : [0]), ...(first ? [first.position - 1] : []));
    return this.looked;
  }
}
