import { describe, expect, it } from '@jest/globals';
import { Kafka, logLevel, type LogEntry } from 'kafkajs';
import protocol from 'kafkajs/src/protocol/error.js';
import { fieldsOf, levelOf, type KafkaLogLevel } from './kafka-log.ts';

const entry = (namespace: string, level: logLevel, message: string, fields: object = {}): LogEntry => ({
  namespace,
  level,
  label: 'LABEL',
  log: { timestamp: '2030-01-01T00:00:00.000Z', logger: 'kafkajs', message, ...fields },
});
/** As the client tells of an answer that is an error. */
const answered = (type: string, request = 'Heartbeat(key: 12, version: 3)'): LogEntry => {
  const known = protocol.errorCodes.find((code) => code.type === type);
  expect([type, known?.message]).toEqual([type, expect.any(String)]);
  return entry('Connection', logLevel.ERROR, `Response ${request}`, { error: known!.message, correlationId: 1 });
};

describe('how severe it is what the client of Kafka says', () => {
  it.each<[string, KafkaLogLevel]>([
    ['REBALANCE_IN_PROGRESS', 'debug'],
    ['MEMBER_ID_REQUIRED', 'debug'],
    ['LEADER_NOT_AVAILABLE', 'warn'],
    ['NOT_LEADER_FOR_PARTITION', 'warn'],
    ['GROUP_LOAD_IN_PROGRESS', 'warn'],
    ['GROUP_COORDINATOR_NOT_AVAILABLE', 'warn'],
    ['NOT_COORDINATOR_FOR_GROUP', 'warn'],
    ['ILLEGAL_GENERATION', 'warn'],
    ['UNKNOWN_MEMBER_ID', 'warn'],
    ['OFFSET_OUT_OF_RANGE', 'error'],
    ['TOPIC_AUTHORIZATION_FAILED', 'error'],
    ['NOT_ENOUGH_REPLICAS', 'error'],
    ['UNKNOWN_TOPIC_OR_PARTITION', 'error'],
  ])('is, of the answer %s: %s', (type, level) => {
    expect(levelOf(answered(type))).toBe(level);
  });

  it('is that of a detail where it joins its group again because of such an answer', () => {
    const { log } = answered('REBALANCE_IN_PROGRESS');
    const error = log['error'];
    expect(levelOf(entry('Runner', logLevel.WARN, 'The group is rebalancing, re-joining', { error }))).toBe('debug');
  });

  it('is that of a detail where topics are refused, which is told of where it matters', () => {
    const refused = { error: 'Topic creation errors' };
    const message = 'Response CreateTopics(key: 19, version: 3)';
    expect(levelOf(entry('Connection', logLevel.ERROR, message, refused))).toBe('debug');
    expect(levelOf(entry('Connection', logLevel.ERROR, 'Response DeleteTopics(key: 20, version: 1)', refused))).toBe(
      'error',
    );
  });

  it('is that of a detail where an idempotent producer is opened that may give up', () => {
    const entries: LogEntry[] = [];
    new Kafka({
      brokers: ['127.0.0.1:1'],
      retry: { retries: 4 },
      logLevel: logLevel.WARN,
      logCreator: () => (said) => entries.push(said),
    }).producer({ idempotent: true, createPartitioner: () => () => 0 });

    expect(entries.map(({ level }) => level)).toEqual([logLevel.WARN]);
    expect(entries.map(levelOf)).toEqual(['debug']);
  });

  it.each<[logLevel, KafkaLogLevel]>([
    [logLevel.ERROR, 'error'],
    [logLevel.WARN, 'warn'],
    [logLevel.INFO, 'info'],
    [logLevel.DEBUG, 'debug'],
  ])('is of anything else what the client says: %s is %s', (level, name) => {
    expect(levelOf(entry('Connection', level, 'Connection error: refused'))).toBe(name);
    expect(levelOf(entry('Consumer', level, 'Crash: KafkaJSError: gone', { groupId: 'g' }))).toBe(name);
  });
});

describe('the fields of what the client of Kafka says', () => {
  it('are its own with the part of it that speaks, without what the line has anyway', () => {
    const { namespace, level, label, log } = entry('Runner', logLevel.ERROR, 'Crash', { groupId: 'g', stack: 'at …' });
    expect(fieldsOf({ namespace, level, label, log })).toEqual({ groupId: 'g', namespace: 'Runner' });
  });
});
