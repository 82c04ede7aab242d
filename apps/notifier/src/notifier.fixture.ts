import { Global, Module, type INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ProjectionWriter, ulidIds } from '@foldline/host';
import { createOutboundHttp } from '@foldline/http-outbound';
import {
  COMMANDS,
  Commands,
  PORT,
  type EventStore,
  type Logger,
  type ReadModels,
  type ReadStore,
  type SecretBox,
} from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import type { ManualClock } from '@foldline/testing';
import { NotifierModule } from './notifier.module.ts';

const PAGE = 1000;

/** Read models that are brought up to date whenever somebody asks. */
class FoldedOnDemand implements ReadModels {
  private applied = 0;
  private readonly writer: ProjectionWriter;
  constructor(
    private readonly events: EventStore,
    private readonly reads: ReadStore,
  ) {
    this.writer = new ProjectionWriter('spec', reads, READ_MODELS);
  }
  position(): number {
    return this.applied;
  }
  async reached(position: number): Promise<boolean> {
    this.applied = await this.reads.position('spec');
    const events = await this.events.readAll({ after: this.applied, limit: PAGE });
    this.applied = (await this.writer.apply(events, this.applied)) ?? this.applied;
    return position <= this.applied;
  }
}

export const box: SecretBox = {
  seal: (clear, context) => `sealed|${context}|${clear}`,
  open: (sealed, context) => sealed.slice(`sealed|${context}|`.length),
  keyFor: (purpose) => Buffer.from(`a key for ${purpose}`),
};
const logger: Logger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

export type NotifierWorld = { store: EventStore; reads: ReadStore; clock: ManualClock; allowPrivateTargets: boolean };

/** The notifier on these ports; its events are handed to it by whoever starts it. */
export const startNotifier = ({
  store,
  reads,
  clock,
  allowPrivateTargets,
}: NotifierWorld): Promise<INestApplicationContext> => {
  const ports = [
    { provide: COMMANDS, useValue: new Commands(store, clock, 'notifier') },
    { provide: PORT.clock, useValue: clock },
    { provide: PORT.ids, useValue: ulidIds() },
    { provide: PORT.logger, useValue: logger },
    { provide: PORT.eventStore, useValue: store },
    { provide: PORT.readStore, useValue: reads },
    { provide: PORT.readModels, useValue: new FoldedOnDemand(store, reads) },
    { provide: PORT.secretBox, useValue: box },
    { provide: PORT.outboundHttp, useValue: createOutboundHttp({ allowPrivateTargets }) },
  ];
  @Global()
  @Module({ providers: ports, exports: ports.map(({ provide }) => provide) })
  class Ports {}
  @Module({ imports: [Ports, NotifierModule] })
  class Host {}
  return NestFactory.createApplicationContext(Host, { logger: false, abortOnError: false });
};
