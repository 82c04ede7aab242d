import { Kafka, logLevel, type ISocketFactory, type KafkaConfig, type SASLOptions } from 'kafkajs';
import './idle-connections.ts';
import { fieldsOf, levelOf, type KafkaLog } from './kafka-log.ts';

export type KafkaTls = { ca?: string | Buffer; cert?: string | Buffer; key?: string | Buffer };
export type KafkaSasl = {
  mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  username: string;
  password: string;
};

export type KafkaSettings = {
  /** `host:port`; any of the cluster's brokers, more than one so that a broker may be down at start. */
  brokers: readonly string[];
  /** Names this process in the brokers' logs. */
  clientId: string;
  /** `true` for the system's certificate authorities. */
  ssl?: KafkaTls | true;
  sasl?: KafkaSasl;
  /** Begins the name of every topic and consumer group, so that instances can share a cluster; `foldline.` when absent. */
  prefix?: string;
  /** Of the topic of events, fixed for its life: another number would send keys to other partitions. */
  partitions?: number;
  /** Copies of each topic: 3 for a cluster that survives a broker. With 3 or more, two must have an event to accept it. */
  replication?: number;
  /**
   * How long an event stays in the topic when that is made, 30 days when absent. A group that was away for longer reads
   * what it has missed in the log.
   */
  retentionMs?: number;
  log?: KafkaLog;
  /** Opens the connections to the brokers, where they are reached in some other way than directly. */
  socketFactory?: ISocketFactory;
};

/** Tries within one call of the client. What fails after these is begun anew by us, without an end. */
const RETRY = { initialRetryTime: 100, maxRetryTime: 2_000, retries: 4 };
const CONNECT_TIMEOUT_MS = 5_000;
const REQUEST_TIMEOUT_MS = 15_000;

export const kafkaOf = ({ brokers, clientId, ssl, sasl, log, socketFactory }: KafkaSettings): Kafka => {
  const config: KafkaConfig = {
    brokers: [...brokers],
    clientId,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: RETRY,
    logLevel: logLevel.WARN,
    logCreator: () => (entry) => log?.(levelOf(entry), entry.log.message, fieldsOf(entry)),
  };
  if (ssl !== undefined) config.ssl = ssl;
  if (sasl !== undefined) config.sasl = sasl as SASLOptions;
  if (socketFactory !== undefined) config.socketFactory = socketFactory;
  return new Kafka(config);
};
