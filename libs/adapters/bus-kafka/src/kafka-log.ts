import { logLevel, type LogEntry } from 'kafkajs';
import protocol from 'kafkajs/src/protocol/error.js';

export type KafkaLogLevel = 'debug' | 'info' | 'warn' | 'error';

/** What the client has to say; never with secrets. */
export type KafkaLog = (level: KafkaLogLevel, message: string, fields: Record<string, unknown>) => void;

/**
 * Answers of Kafka, by their codes, that belong to its ordinary life: a group that moves its partitions because a member
 * comes or goes. The client does what they ask for.
 */
const ORDINARY = ['REBALANCE_IN_PROGRESS', 'MEMBER_ID_REQUIRED'];
/**
 * Answers that pass by themselves, and that are worth a look only when they do not: a broker was started again or the
 * cluster is new, or this process was silent for so long that its group went on without it.
 */
const PASSING = [
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'ILLEGAL_GENERATION',
  'UNKNOWN_MEMBER_ID',
];

/** An entry gives an answer by its words alone; what code they stand for is in the client's own table. */
const wordsOf = (types: readonly string[]): ReadonlySet<unknown> =>
  new Set(protocol.errorCodes.filter(({ type }) => types.includes(type)).map(({ message }) => message));
const ordinary = wordsOf(ORDINARY);
const passing = wordsOf(PASSING);

/**
 * A request for topics that was refused, by the number of such requests in Kafka's protocol. That topics are there
 * already, which is so when processes start together for the first time, is said in no other field; any other refusal is
 * thrown to us as well and told of there.
 */
const TOPICS_REFUSED = /^Response \w+\(key: 19,/;

/** How severe an entry of the client is for who runs this: it calls errors what it mends by itself. */
export const levelOf = ({ level, namespace, log }: LogEntry): KafkaLogLevel => {
  if (ordinary.has(log['error'])) return 'debug';
  if (namespace === 'Connection' && TOPICS_REFUSED.test(log.message)) return 'debug';
  // Its one warning: that an idempotent producer may give up. Ours may, for a new one publishes again what was not acknowledged.
  if (namespace === 'Producer' && level === logLevel.WARN) return 'debug';
  if (level <= logLevel.ERROR) return passing.has(log['error']) ? 'warn' : 'error';
  return level === logLevel.WARN ? 'warn' : level === logLevel.INFO ? 'info' : 'debug';
};

export const fieldsOf = ({ namespace, log }: LogEntry): Record<string, unknown> => {
  const { message: _message, timestamp: _timestamp, logger: _logger, stack: _stack, ...fields } = log;
  return { ...fields, namespace };
};
