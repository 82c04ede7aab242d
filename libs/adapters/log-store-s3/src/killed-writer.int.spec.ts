import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { withRealServer } from '@foldline/testing';
import { Hosts, claimOf, followAll } from './s3-logs.fixture.ts';

const KILLS = 5;
const ATTEMPT = '01hzx.0.1';
const LINE_BYTES = 20;
const FRAME_LINES = 50;
const FRAME_BYTES = FRAME_LINES * LINE_BYTES;

const built = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);

/** The log's content, known from the offset alone: `00000000000000017\n` and so on. */
const contentOf = (bytes: number): Buffer => {
  const lines = Array.from({ length: bytes / LINE_BYTES }, (_, n) => `${String(n).padStart(LINE_BYTES - 1, '0')}\n`);
  return Buffer.from(lines.join(''));
};

/** Writes the log from wherever it is, for ever, and prints the length that was acknowledged after each frame. */
const WRITER = `
  import { writeSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { openS3Bucket } from ${built('../../s3/dist/index.js')};
  import { openS3LogStore } from ${built('../dist/index.js')};
  const [settings, spoolDirectory] = process.argv.slice(1);
  const store = await openS3LogStore({
    bucket: await openS3Bucket(JSON.parse(settings)),
    signals: { send: async () => undefined, listen: () => () => undefined },
    spoolDirectory,
    limits: { segmentMs: 20, segmentBytes: 5_000 },
  });
  let { nextOffset, nextSequence } = await store.state('${ATTEMPT}');
  for (;;) {
    const first = nextOffset / ${LINE_BYTES};
    const lines = Array.from({ length: ${FRAME_LINES} }, (_, n) => String(first + n).padStart(${LINE_BYTES - 1}, '0') + '\\n');
    const bytes = Buffer.from(lines.join(''));
    ({ nextOffset, nextSequence } = await store.append('${ATTEMPT}', { sequence: nextSequence, offset: nextOffset, bytes }));
    writeSync(1, nextOffset + '\\n');
    await sleep(2);
  }
`;

withRealServer('FOLDLINE_TEST_S3_URL', (url) => {
  describe('a log in S3 whose writer is killed again and again', () => {
    let hosts: Hosts;
    let child: ChildProcess | undefined;
    beforeEach(async () => {
      hosts = await Hosts.open(url);
    });
    afterEach(async () => {
      child?.kill('SIGKILL');
      await hosts.close();
    });

    /** Answers the length last acknowledged before the writer's end. */
    const writeAndKill = async (frames: number): Promise<number> => {
      const args = [
        '--input-type=module',
        '-e',
        WRITER,
        JSON.stringify(hosts.settings),
        hosts.spoolDirectory('writer'),
      ];
      const writer = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      child = writer;
      const ended = once(writer, 'close');
      let acknowledged = 0;
      let count = 0;
      for await (const line of createInterface({ input: writer.stdout })) {
        acknowledged = Number(line);
        if ((count += 1) === frames) writer.kill('SIGKILL');
      }
      await ended;
      return acknowledged;
    };

    it('gives a reader on another host every acknowledged byte, once and in order', async () => {
      const reader = await hosts.start('reader', { pollMs: 50 });
      const all = followAll(reader, ATTEMPT, new AbortController().signal);
      let acknowledged = 0;
      for (let n = 0; n < KILLS; n += 1) acknowledged = await writeAndKill(20 + n * 13);
      const writer = await hosts.start('writer', { segmentMs: 20 });
      const { nextOffset } = await writer.state(ATTEMPT);
      // The last frame may have been written without anybody having been told.
      expect([acknowledged, acknowledged + FRAME_BYTES]).toContain(nextOffset);
      const content = contentOf(nextOffset);
      await writer.seal(ATTEMPT, claimOf(content));
      expect((await all).equals(content)).toBe(true);
    });
  });
});
