import { Partitioners } from 'kafkajs';

/** Where a relay's producer puts what has the key. */
export const partitionOf = (key: string, { events, partitions }: { events: string; partitions: number }): number => {
  const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 0,
    replicas: [],
    isr: [],
  }));
  return choose({ topic: events, partitionMetadata, message: { key, value: null } });
};

const choose = Partitioners.DefaultPartitioner();
