import { readFileSync, rmSync } from 'node:fs';

/** What a program reached for outside itself: a connection, a datagram, a name that it looked up, a program it started. */
export type Reach = { what: string; detail: string };

/** Makes programs that are started with `environment` write down what they reach for, and all that they start. */
export class Reaches {
  constructor(private readonly file: string) {
    rmSync(file, { force: true });
  }

  get environment(): Record<string, string> {
    const recorder = new URL('inside/recorder.mjs', import.meta.url).href;
    return { NODE_OPTIONS: `--import ${recorder}`, RECORDED_REACHES: this.file };
  }

  /** Everything so far; throws when nothing was written down at all, not even that a program began. */
  get all(): Reach[] {
    const lines = readFileSync(this.file, 'utf8').split('\n').filter(Boolean);
    const reaches = lines.map((line) => JSON.parse(line) as Reach);
    if (!reaches.some(({ what }) => what === 'begin')) throw new Error('nothing was recorded');
    return reaches.filter(({ what }) => what !== 'begin');
  }
}
