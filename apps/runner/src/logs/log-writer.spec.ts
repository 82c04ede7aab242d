import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { TransientError, type LogFrame, type LogState, type LogStore } from '@foldline/kernel';
import { openFileLogStore } from '@foldline/log-store-files';
import { createMasker } from '../masking/secret-masker.ts';
import { LogWriter, type LogWriterOptions } from './log-writer.ts';

const ATTEMPT = 'p1.0.1';
const FRAME = 64 * 1024;
const EXCEEDED = '\n[log exceeded the limit of 10 bytes; the rest is not kept]\n';

let directory: string;
let files: LogStore;
/** What the writer sent, in order. */
let frames: LogFrame[];
/** What the writer said to have written in all. */
let finished: { bytes: number; sha256: string }[];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-log-'));
  files = await openFileLogStore({ directory });
  frames = [];
  finished = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** The store on disk, with a hand on the way to it. */
const through = (append: (frame: LogFrame, go: () => Promise<LogState>) => Promise<LogState>): LogStore => ({
  append: (attemptId, frame) => {
    frames.push(frame);
    return append(frame, () => files.append(attemptId, frame));
  },
  state: (attemptId) => files.state(attemptId),
  finish: (_attemptId, claim) => void finished.push(claim),
  seal: (attemptId, claim) => files.seal(attemptId, claim),
  read: (attemptId, start, end) => files.read(attemptId, start, end),
  follow: (attemptId, offset, signal) => files.follow(attemptId, offset, signal),
  delete: (attemptId) => files.delete(attemptId),
});
const directly = (): LogStore => through((_frame, go) => go());
const writerTo = (logs: LogStore, more: Partial<LogWriterOptions> = {}): LogWriter =>
  new LogWriter({ attemptId: ATTEMPT, logs, masker: createMasker([]), ...more });
const stored = async (): Promise<string> => (await files.read(ATTEMPT, 0, Number.MAX_SAFE_INTEGER)).toString();
const gate = (): { opened: Promise<void>; open: () => void } => {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
};

describe('The log of an attempt', () => {
  it('is what was written, and its end says what it must turn out to hold', async () => {
    const writer = writerTo(directly());
    for (const line of ['one\n', 'two\n', '', 'three']) await writer.write(Buffer.from(line));

    const closed = await writer.close();

    expect(await stored()).toBe('one\ntwo\nthree');
    expect(closed).toMatchObject({ bytes: 13, sha256: createHash('sha256').update('one\ntwo\nthree').digest('hex') });
    await expect(files.seal(ATTEMPT, closed)).resolves.toBeUndefined();
  });

  it('is finished when it is closed, and not before', async () => {
    const writer = writerTo(directly());
    await writer.write(Buffer.from('one\n'));
    expect(finished).toEqual([]);

    const { bytes, sha256 } = await writer.close();

    expect(finished).toEqual([{ bytes, sha256 }]);
  });

  it('may be empty', async () => {
    const closed = await writerTo(directly()).close();

    expect(closed).toEqual({ bytes: 0, sha256: createHash('sha256').digest('hex'), frames: 0 });
  });

  it('has its first piece at once, and gathers what comes while that is on its way', async () => {
    const way = gate();
    const writer = writerTo(
      through(async (_frame, go) => {
        await way.opened;
        return go();
      }),
    );
    await writer.write(Buffer.from('first '));
    const sentAtOnce = frames.length;
    for (const word of ['a ', 'b ', 'c']) await writer.write(Buffer.from(word));
    way.open();
    await writer.close();

    expect(sentAtOnce).toBe(1);
    expect(frames.map(({ bytes }) => bytes.toString())).toEqual(['first ', 'a b c']);
  });

  it('has frames without gaps, none larger than allowed, whatever was written', async () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 3 * FRAME }), { maxLength: 6 });
    let n = 0;
    await fc.assert(
      fc.asyncProperty(chunks, async (written) => {
        frames = [];
        const attemptId = `p1.${(n += 1)}.1`;
        const writer = writerTo(directly(), { attemptId });
        for (const chunk of written) await writer.write(Buffer.from(chunk));
        const closed = await writer.close();
        let offset = 0;
        for (const [sequence, frame] of frames.entries()) {
          expect(frame).toMatchObject({ sequence, offset });
          expect(frame.bytes.length).toBeLessThanOrEqual(FRAME);
          offset += frame.bytes.length;
        }
        const whole = Buffer.concat(written);
        expect(closed).toEqual({
          bytes: whole.length,
          sha256: createHash('sha256').update(whole).digest('hex'),
          frames: frames.length,
        });
        expect((await files.read(attemptId, 0, whole.length + 1)).equals(whole)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('holds no secret, also when its parts are written apart', async () => {
    const writer = writerTo(directly(), { masker: createMasker(['s3cr3t-v4lue']) });
    for (const part of ['a s3cr', '3t-v4', 'lue b']) await writer.write(Buffer.from(part));
    await writer.close();

    expect(await stored()).not.toContain('v4');
    expect(await stored()).toMatch(/^a .+ b$/);
  });

  it('slows down whoever writes faster than it can be kept', async () => {
    const way = gate();
    const writer = writerTo(
      through(async (_frame, go) => {
        await way.opened;
        return go();
      }),
    );
    let written = false;
    const writing = writer.write(Buffer.alloc(1024 * 1024 + 1)).then(() => (written = true));
    await new Promise((resolve) => setImmediate(resolve));
    const before = written;
    way.open();
    await writing;

    expect({ before, after: written }).toEqual({ before: false, after: true });
    await writer.close();
  });

  describe('that reaches its limit', () => {
    it('is cut there, says so once, and takes everything that comes later without keeping it', async () => {
      const writer = writerTo(directly(), { limitBytes: 10 });
      for (let n = 0; n < 3; n += 1) await writer.write(Buffer.from('12345678'));
      const { bytes } = await writer.close();

      expect(await stored()).toBe(`1234567812${EXCEEDED}`);
      expect(bytes).toBe((await stored()).length);
    });

    it('is whole when it has just as much', async () => {
      const writer = writerTo(directly(), { limitBytes: 8 });
      await writer.write(Buffer.from('12345678'));
      await writer.close();

      expect(await stored()).toBe('12345678');
    });

    it('has the lines of the system that come later, in order, and nothing more of the job', async () => {
      const writer = writerTo(directly(), { limitBytes: 10 });
      await writer.write(Buffer.from('12345678901'));
      await writer.tell(Buffer.from('no artifacts\n'));
      await writer.write(Buffer.from('more output'));
      await writer.tell(Buffer.from('Job failed\n'));
      const closed = await writer.close();

      expect(await stored()).toBe(`1234567890${EXCEEDED}no artifacts\nJob failed\n`);
      await expect(files.seal(ATTEMPT, closed)).resolves.toBeUndefined();
    });

    it('has them also when they were what reached it', async () => {
      const writer = writerTo(directly(), { limitBytes: 10 });
      await writer.tell(Buffer.from('Running on one\n'));
      await writer.write(Buffer.from('output'));
      await writer.tell(Buffer.from('Job failed\n'));
      await writer.close();

      expect(await stored()).toBe(`Running on one\n${EXCEEDED}Job failed\n`);
    });

    it('holds no secret in them, and nothing of the output that was held back', async () => {
      const writer = writerTo(directly(), { limitBytes: 10, masker: createMasker(['s3cr3t-v4lue']) });
      await writer.write(Buffer.from('12345678901 s3cr'));
      await writer.write(Buffer.from('3t-v4'));
      await writer.tell(Buffer.from('lost s3cr3t-v4lue\n'));
      await writer.close();

      expect(await stored()).toBe(`1234567890${EXCEEDED}lost [masked]\n`);
    });

    it('has no more of them than fits beside a full log', async () => {
      const writer = writerTo(directly(), { limitBytes: 10 });
      for (let n = 0; n < 40; n += 1) await writer.tell(Buffer.alloc(64 * 1024, 'x'));
      const { bytes } = await writer.close();

      expect(bytes).toBeLessThanOrEqual(10 + 1024 * 1024);
    });

    it('is not cut in the middle of a letter', async () => {
      const writer = writerTo(directly(), { limitBytes: 7 });
      await writer.write(Buffer.from('機能検索'));
      await writer.close();

      expect((await stored()).split('\n')[0]).toBe('機能');
    });
  });

  describe('whose store does not answer as hoped', () => {
    it('goes on where a store that took only a part says', async () => {
      let cut = true;
      const writer = writerTo(
        through(async (frame, go) => {
          if (!cut) return go();
          cut = false;
          return files.append(ATTEMPT, { ...frame, bytes: frame.bytes.subarray(0, 3) });
        }),
      );
      await writer.write(Buffer.from('123456'));
      const closed = await writer.close();

      expect(await stored()).toBe('123456');
      await expect(files.seal(ATTEMPT, closed)).resolves.toBeUndefined();
    });

    it('surfaces the failure to whoever writes and to whoever closes, and does not try again', async () => {
      let tries = 0;
      const writer = writerTo(
        through(async () => {
          tries += 1;
          throw new TransientError('the disk is full');
        }),
      );
      await writer.write(Buffer.from('one')).catch(() => undefined);
      await new Promise((resolve) => setImmediate(resolve));

      await expect(writer.write(Buffer.from('two'))).rejects.toThrow('the disk is full');
      await expect(writer.close()).rejects.toThrow('the disk is full');
      expect(tries).toBe(1);
      expect(finished).toEqual([]);
    });

    it.each([
      ['is sealed', async () => files.seal(ATTEMPT, { bytes: 0, sha256: createHash('sha256').digest('hex') })],
      ['holds something else', async () => void (await files.append(ATTEMPT, frameOf('someone else’s line')))],
    ])('fails when the log %s', async (_what, meddle) => {
      await meddle();
      const writer = writerTo(directly());
      await writer.write(Buffer.from('one')).catch(() => undefined);

      await expect(writer.close()).rejects.toThrow();
    });

    it('fails when a store never takes what it is given', async () => {
      const writer = writerTo(through(async () => ({ nextOffset: 0, nextSequence: 0, sealed: false })));
      await writer.write(Buffer.from('one')).catch(() => undefined);

      await expect(writer.close()).rejects.toThrow('does not accept its next frame');
      expect(frames.length).toBeLessThan(20);
    });
  });
});

const frameOf = (text: string): LogFrame => ({ sequence: 0, offset: 0, bytes: Buffer.from(text) });
