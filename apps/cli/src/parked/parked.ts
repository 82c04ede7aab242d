import { ApiClient, type Connection } from '@foldline/client';
import type { RecordedEvent } from '@foldline/contracts';
import type { ParkedStream } from '@foldline/kernel';
import { asking } from '../server/asking.ts';
import type { Output } from '../server/connection.ts';
import { CommandFailure, EXIT, type ExitCode } from '../command-failure.ts';
import { count, detailsOf, tableOf } from './parked-text.ts';

/** Events that services could not handle, as the API of a running gateway tells of them. */
export class Parked {
  private readonly client: ApiClient;

  constructor(
    private readonly connection: Connection,
    private readonly out: Output,
  ) {
    this.client = new ApiClient(connection);
  }

  async list(group?: string): Promise<ExitCode> {
    const parked = (await this.all()).filter((each) => group === undefined || each.group === group);
    if (this.out.json) this.print({ items: parked });
    else if (parked.length === 0) this.out.remark('nothing is parked');
    else for (const line of tableOf(parked)) this.out.answer(line);
    return EXIT.done;
  }

  async show(group: string, key: string): Promise<ExitCode> {
    const parked = await this.find(group, key);
    const event = await this.eventOf(parked);
    if (this.out.json) this.print({ ...parked, ...(event ? { event } : {}) });
    else for (const line of detailsOf(parked, event)) this.out.answer(line);
    return EXIT.done;
  }

  /** 0 only when nothing of the key is parked any more. */
  async replay(group: string, key: string): Promise<ExitCode> {
    const answer = await this.post<{ replayed: number; parked: boolean }>('replay', { group, key });
    if (this.out.json) this.print(answer);
    else this.out.answer(`${count(answer.replayed)} handled`);
    if (!answer.parked) return EXIT.done;
    this.out.remark(
      `${key} is still parked: what comes next failed again, or no process of ${group} has taken it up yet; ` +
        `"foldline parked show ${group} ${key}" tells the error`,
    );
    return EXIT.failed;
  }

  /** Gives events up for good, only when that is confirmed. */
  async discard(group: string, key: string, reason: string, isConfirmed: boolean): Promise<ExitCode> {
    if (!isConfirmed) {
      const { waiting, eventType, error } = await this.find(group, key);
      throw new CommandFailure(
        EXIT.usage,
        `nothing was given up. ${group} would never handle ${count(1 + waiting)} of ${key}, ` +
          `the first a ${eventType} (${error}); --yes does it`,
      );
    }
    const answer = await this.post<{ discarded: number; position: number }>('discard', { group, key, reason });
    if (this.out.json) this.print(answer);
    else this.out.answer(`${count(answer.discarded)} given up, on record at position ${answer.position}`);
    return EXIT.done;
  }

  private async all(): Promise<ParkedStream[]> {
    return (await this.ask(() => this.client.get<{ items: ParkedStream[] }>('/api/v1/parked'))).items;
  }

  private async find(group: string, key: string): Promise<ParkedStream> {
    const found = (await this.all()).find((each) => each.group === group && each.key === key);
    if (found) return found;
    throw new CommandFailure(EXIT.notFound, `nothing is parked under the group ${group} and the key ${key}`);
  }

  private async eventOf({ position, eventId }: ParkedStream): Promise<RecordedEvent | undefined> {
    const path = `/api/v1/events?after=${position - 1}&limit=1`;
    const { items } = await this.ask(() => this.client.get<{ items: RecordedEvent[] }>(path));
    return items.find(({ id }) => id === eventId);
  }

  private post<Answer>(what: string, body: object): Promise<Answer> {
    return this.ask(() => this.client.post<Answer>(`/api/v1/parked/${what}`, body));
  }

  private ask<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
    return asking(this.connection.url, ask);
  }

  private print(answer: object): void {
    this.out.answer(JSON.stringify(answer, undefined, 2));
  }
}
