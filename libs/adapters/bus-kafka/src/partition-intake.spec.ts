import type { KafkaMessage } from 'kafkajs';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '@foldline/contracts';
import { gate } from '@foldline/testing';
import { toMessage } from './event-message.ts';
import { PartitionIntake, type Delivery, type IntakeWork } from './partition-intake.ts';
import { Room } from './room.ts';

const event = (revision: number, key = 'a', type = 'JobQueued'): RecordedEvent => ({
  id: `group-one@${revision}`,
  type,
  version: 1,
  data: { revision },
  stream: 'group-one',
  revision,
  position: revision + 1,
  causationId: 'cause',
  correlationId: key,
  actor: { kind: 'system', id: 'test' },
  recordedAt: '2026-01-01T00:00:00.000Z',
});

describe('one partition', () => {
  let deliveries: Delivery[];
  let told: string[];
  let stored: RecordedEvent[];
  let offset: number;

  beforeEach(() => {
    deliveries = [];
    told = [];
    stored = [];
    offset = 0;
  });

  const intake = (overrides: Partial<IntakeWork> = {}): PartitionIntake => {
    const partition = unbegun(overrides);
    partition.begin();
    return partition;
  };
  const unbegun = (overrides: Partial<IntakeWork> = {}): PartitionIntake =>
    new PartitionIntake(0, {
      types: undefined,
      restore: async (restored) => restored,
      readMissing: async (_stream, from, count) => {
        told.push(`read ${count} from ${from}`);
        return stored.filter(({ revision }) => revision >= from && revision < from + count);
      },
      add: (delivery) => deliveries.push(delivery),
      onMoved: () => told.push('moved'),
      onForeign: (at) => told.push(`foreign ${at}`),
      onExpired: ({ from, kept }) => told.push(`expired ${from} to ${kept - 1}`),
      onFailure: (error) => told.push(String(error)),
      pause: () => told.push('pause'),
      resume: () => told.push('resume'),
      ...overrides,
    });
  const message = (recorded: RecordedEvent, previous?: number): KafkaMessage => {
    const outgoing = { event: recorded, value: JSON.stringify(recorded) };
    const { key, value, headers } = toMessage(previous === undefined ? outgoing : { ...outgoing, previous });
    const encoded = Object.fromEntries(
      Object.entries(headers!).map(([name, text]) => [name, Buffer.from(String(text))]),
    );
    return {
      key: Buffer.from(String(key)),
      value: Buffer.from(String(value)),
      headers: encoded,
      offset: String(offset++),
      timestamp: '0',
      attributes: 0,
    } as unknown as KafkaMessage;
  };
  const revisions = (): number[] => deliveries.map(({ reference }) => reference.revision);

  it('says how far it is only over what is done, in order', () => {
    const partition = intake();
    partition.take([message(event(0)), message(event(1)), message(event(2))]);
    deliveries[1]!.done();
    expect(partition.next).toBeUndefined();
    deliveries[0]!.done();
    expect(partition.next).toBe(2);
  });

  it('is paused while a thousand events wait, until half of them are done', () => {
    const partition = intake();
    partition.take(Array.from({ length: 1_000 }, (_, n) => message(event(n))));
    expect(told).toEqual(['pause']);
    for (const delivery of deliveries.slice(0, 499)) delivery.done();
    expect(told).not.toContain('resume');
    deliveries[499]!.done();
    expect(told.filter((each) => each !== 'moved')).toEqual(['pause', 'resume']);
  });

  it('passes events over that nobody here handles, without parsing them', async () => {
    const partition = intake({ types: new Set(['JobQueued']) });
    const other = message(event(0, 'a', 'JobForgotten'));
    partition.take([{ ...other, value: Buffer.from('no JSON') } as KafkaMessage, message(event(1))]);
    expect(revisions()).toEqual([1]);
    expect(partition.next).toBe(1);
  });

  it('passes a message over that is none of ours, and says so', () => {
    const partition = intake();
    partition.take([{ ...message(event(0)), headers: {} } as KafkaMessage, message(event(1))]);
    expect(told).toContain('foreign 0');
    expect(revisions()).toEqual([1]);
  });

  it('leaves to other partitions what has another key', async () => {
    const partition = intake();
    partition.take([message(event(0), -1), message(event(4), 0)]);
    expect(told).toEqual([]);
    expect(revisions()).toEqual([0, 4]);
  });

  it('reads what was lost, and only of its key, before what came behind it', async () => {
    stored = [event(1, 'b'), event(2), event(3)];
    const read = gate();
    const partition = intake({
      readMissing: async () => {
        await read.opened;
        return stored;
      },
      onMoved: () => undefined,
    });
    partition.take([message(event(0), -1), message(event(4)), message(event(5), 4)]);
    expect(revisions()).toEqual([0]);
    read.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(revisions()).toEqual([0, 2, 3, 4, 5]);
    expect(await deliveries[1]!.load()).toEqual(event(2));
    for (const delivery of deliveries.slice(0, 3)) delivery.done();
    expect(partition.next).toBe(1);
    deliveries[3]!.done();
    expect(partition.next).toBe(2);
  });

  it('drops what has been here', () => {
    const partition = intake();
    partition.take([message(event(0), -1), message(event(1), 0), message(event(0), -1), message(event(1), 0)]);
    expect(revisions()).toEqual([0, 1]);
  });

  it('hands out what the topic has dropped in front of what it holds, and what is in both once', () => {
    const partition = unbegun({ onMoved: () => undefined });
    const room = new Room(10);
    offset = 7;
    partition.take([message(event(2), 1), message(event(3), 2)]);
    expect(revisions()).toEqual([]);
    partition.lacks({ partition: 0, from: 4, kept: 7 });
    for (const revision of [0, 1, 2]) partition.handOut(event(revision), room);
    partition.begin();
    expect(revisions()).toEqual([0, 1, 2, 3]);
    for (const delivery of deliveries.slice(1)) delivery.done();
    expect(partition.next).toBeUndefined();
    deliveries[0]!.done();
    expect(partition.next).toBe(9);
  });

  it('is done with what the topic has dropped when that is done, also where nothing came since', () => {
    const partition = unbegun();
    partition.lacks({ partition: 0, from: 4, kept: 7 });
    partition.handOut(event(0), new Room(10));
    partition.begin();
    expect(partition.next).toBeUndefined();
    deliveries[0]!.done();
    expect(partition.next).toBe(7);
  });

  it('holds what comes behind messages that the topic dropped while it was paused, until they were handed out', () => {
    const partition = intake({ onExpired: ({ from, kept }) => void told.push(`expired ${from} to ${kept - 1}`) });
    partition.take([message(event(0), -1)]);
    offset = 3;
    partition.take([message(event(3), 2), message(event(4), 3)]);
    expect(told).toEqual(['expired 1 to 2']);
    expect(revisions()).toEqual([0]);
    partition.lacks({ partition: 0, from: 1, kept: 3 });
    for (const revision of [1, 2, 3]) partition.handOut(event(revision), new Room(10));
    partition.begin();
    expect(revisions()).toEqual([0, 1, 2, 3, 4]);
  });
});
