import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordedEvent } from '@foldline/contracts';
import { until, type Sandbox } from '@foldline/client';
import { TopicRepeater } from './topic-repeater.ts';

const SEED = 1;
const OVER_MS = 120_000;
const POLL_MS = 500;

type Handled = { group: string; id: string; stream: string; type: string; time: 1 | 2 };

/**
 * Everything that happens is told to the services again while it happens: each event is handed to each of its handlers
 * once more, a moment later (`inside/`), and what brings events there repeats them too: the topic holds every message
 * twice, the embedded bus is given each event twice and others of the past between.
 */
export class Repetition {
  private readonly directory = mkdtempSync(join(tmpdir(), 'foldline-repetition-'));
  /** A file that is there while events are to be told again. */
  private readonly switch = join(this.directory, 'on');
  private topic: TopicRepeater | undefined;

  get preload(): string {
    return new URL('inside/preload.mjs', import.meta.url).href;
  }

  get environment(): Record<string, string> {
    return { SCENARIO_REPETITION: JSON.stringify({ directory: this.directory, on: this.switch, seed: SEED }) };
  }

  /** From now on; the processes were started with `preload` and `environment`. */
  async start(sandbox: Sandbox): Promise<void> {
    writeFileSync(this.switch, '');
    if (sandbox.topology === 'distributed') this.topic = await TopicRepeater.start(sandbox.cluster, SEED);
  }

  /** Resolves when all of these events, and whatever was handled besides, were told again and handled again. */
  async isOver(events: readonly RecordedEvent[]): Promise<void> {
    await this.topic?.hasRepeated(events.map(({ id }) => id));
    await until(
      'every event to have been handled again',
      () => {
        const counts = this.counts();
        return counts.length > 0 && counts.every(({ first, again }) => first === again);
      },
      OVER_MS,
      POLL_MS,
    );
  }

  /** How many events each consumer group handled, and how many of them again. */
  counts(): { group: string; first: number; again: number }[] {
    const handled = readdirSync(this.directory)
      .filter((file) => file.endsWith('.jsonl'))
      .flatMap((file) => linesOf(join(this.directory, file)));
    const groups = new Set(handled.map(({ group }) => group));
    return Array.from(groups, (group) => {
      const of = (time: 1 | 2): number =>
        new Set(handled.filter((each) => each.group === group && each.time === time).map(({ id }) => id)).size;
      return { group, first: of(1), again: of(2) };
    });
  }

  async stop(): Promise<void> {
    rmSync(this.switch, { force: true });
    await this.topic?.stop();
    this.topic = undefined;
  }

  /** Also what was written down. */
  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** Whole lines alone: the last one may be being written. */
const linesOf = (path: string): Handled[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Handled);
