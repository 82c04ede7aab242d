import type { Kafka } from 'kafkajs';
import { RECONNECT, throughOutages, type Outage } from '@foldline/delivery';
import type { GroupCommits } from './group-commits.ts';
import type { KafkaSettings } from './kafka-connection.ts';
import { ensureTopics, retentionProblem } from './topics.ts';

type GroupToReady = {
  kafka: Kafka;
  settings: KafkaSettings;
  commits: GroupCommits;
  outage: Outage;
  onTrouble: (error: Error) => void;
};

/** Sees to the topics, and finds out how far the group had come, until Kafka can be asked. */
export const readyGroup = ({ kafka, settings, commits, outage, onTrouble }: GroupToReady): Promise<void> =>
  throughOutages(
    async () => {
      try {
        const { events } = await ensureTopics(kafka, settings);
        await commits.recall();
        const problem = await retentionProblem(kafka, events, settings);
        if (problem !== undefined) onTrouble(new Error(problem));
      } catch (error) {
        onTrouble(error as Error);
        throw error;
      }
    },
    { ...outage, retry: RECONNECT },
  );
