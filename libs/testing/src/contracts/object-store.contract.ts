import { randomBytes, createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PermanentError, Refusal, type ObjectStore } from '@foldline/kernel';

export type ObjectStoreFixture = {
  store: ObjectStore;
  /** Changes one byte of what is kept for the digest, as a failing disk would. */
  damage(digest: string): Promise<void>;
  close(): Promise<void>;
};

const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

const collect = async (stream: Readable): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
};

const absent = 'f'.repeat(64);

/** What every object store must do; runs against each adapter. */
export const objectStoreContract = (name: string, open: () => Promise<ObjectStoreFixture>): void =>
  describe(`the object store ${name}`, () => {
    let fixture: ObjectStoreFixture;
    let store: ObjectStore;
    let directory: string;

    beforeEach(async () => {
      fixture = await open();
      store = fixture.store;
      directory = mkdtempSync(join(tmpdir(), 'foldline-object-contract-'));
    });
    afterEach(async () => {
      await fixture.close();
      rmSync(directory, { recursive: true, force: true });
    });

    describe('keeping', () => {
      it.each([0, 1, 65_536, 65_537, 3_000_000])('gives back %i bytes under their digest', async (size) => {
        const bytes = randomBytes(size);
        const stored = await store.put(bytes);
        expect(stored).toEqual({ digest: sha256(bytes), bytes: size });
        expect((await store.read(stored.digest))?.equals(bytes)).toBe(true);
        expect((await collect((await store.get(stored.digest))!)).equals(bytes)).toBe(true);
        expect(await store.stat(stored.digest)).toEqual(stored);
      });

      it('keeps a stream like the same bytes in one piece', async () => {
        const parts = [randomBytes(100_000), randomBytes(1), randomBytes(300_000)];
        const stored = await store.put(Readable.from(parts));
        expect(stored).toEqual(await store.put(Buffer.concat(parts)));
      });

      it('keeps the same bytes once, also when put many times at once', async () => {
        const bytes = randomBytes(5_000);
        const all = await Promise.all(Array.from({ length: 20 }, () => store.put(bytes)));
        expect(new Set(all.map(({ digest }) => digest)).size).toBe(1);
        expect((await store.read(all[0]!.digest))?.equals(bytes)).toBe(true);
      });

      it.each([10, 1_000_000])('keeps a file of %i bytes and leaves the file as it is', async (size) => {
        const path = join(directory, 'source');
        writeFileSync(path, randomBytes(size), { mode: 0o640 });
        const before = statSync(path);
        const stored = await store.putFile(path);
        expect(stored).toEqual({ digest: sha256(readFileSync(path)), bytes: size });
        expect([statSync(path).mode, statSync(path).ino]).toEqual([before.mode, before.ino]);
      });

      it('fails permanently for a file that is not there', async () => {
        await expect(store.putFile(join(directory, 'none'))).rejects.toThrow(PermanentError);
      });
    });

    describe('limits', () => {
      it('refuses a larger buffer or stream and leaves nothing behind', async () => {
        const bytes = randomBytes(200_000);
        const refusal = expect.objectContaining({ code: 'object_too_large' });
        await expect(store.put(bytes, { maxBytes: 199_999 })).rejects.toEqual(refusal);
        await expect(store.put(Readable.from([bytes]), { maxBytes: 199_999 })).rejects.toEqual(refusal);
        await expect(store.put(Readable.from([bytes]), { maxBytes: 1 })).rejects.toBeInstanceOf(Refusal);
        expect(await store.stat(sha256(bytes))).toBeUndefined();
      });

      it('takes exactly as many bytes as are allowed', async () => {
        const bytes = randomBytes(1_000);
        await expect(store.put(Readable.from([bytes]), { maxBytes: 1_000 })).resolves.toMatchObject({ bytes: 1_000 });
      });

      it('keeps nothing of a stream that breaks off', async () => {
        const broken = Readable.from(
          (async function* () {
            yield Buffer.from('half');
            throw new Error('the sender went away');
          })(),
        );
        await expect(store.put(broken)).rejects.toThrow();
        expect(await store.stat(sha256('half'))).toBeUndefined();
      });
    });

    describe('reading', () => {
      it.each([
        [0, 1],
        [5, 300_000],
        [399_990, 400_000],
        [399_990, 500_000],
        [7, 7],
      ])('answers the range from %i up to, not including, %i', async (start, end) => {
        const bytes = randomBytes(400_000);
        const { digest } = await store.put(bytes);
        const range = await collect((await store.get(digest, { start, end }))!);
        expect(range.equals(bytes.subarray(start, end))).toBe(true);
      });

      it('copies an object to a new file with the mode asked for', async () => {
        for (const size of [10, 500_000]) {
          const bytes = randomBytes(size);
          const { digest } = await store.put(bytes);
          const path = join(directory, `copy-${size}`);
          await store.copyToFile(digest, path, 0o751);
          expect(readFileSync(path).equals(bytes)).toBe(true);
          expect(statSync(path).mode & 0o7777).toBe(0o751);
        }
      });

      it('never replaces a file that exists', async () => {
        const path = join(directory, 'there');
        writeFileSync(path, 'mine');
        const { digest } = await store.put(Buffer.from('theirs'));
        await expect(store.copyToFile(digest, path, 0o600)).rejects.toThrow(PermanentError);
        expect(readFileSync(path, 'utf8')).toBe('mine');
      });

      it('has no object for a digest it does not know or a text that is none', async () => {
        for (const text of [absent, '', '..', '../../etc/passwd', 'A'.repeat(64), `${absent}\n`]) {
          expect(await store.get(text)).toBeUndefined();
          expect(await store.read(text)).toBeUndefined();
          expect(await store.stat(text)).toBeUndefined();
          await expect(store.copyToFile(text, join(directory, 'none'), 0o600)).rejects.toThrow(PermanentError);
          await store.delete(text);
        }
      });
    });

    describe('damage', () => {
      it.each([100, 1_000_000])('fails instead of handing out %i wrong bytes', async (size) => {
        const bytes = randomBytes(size);
        const { digest } = await store.put(bytes);
        await fixture.damage(digest);
        await expect(store.read(digest)).rejects.toThrow(PermanentError);
        await expect(store.copyToFile(digest, join(directory, 'copy'), 0o600)).rejects.toThrow(PermanentError);
        expect(() => statSync(join(directory, 'copy'))).toThrow();
        await expect(collect((await store.get(digest))!)).rejects.toThrow(PermanentError);
        const ranged = async () => collect((await store.get(digest, { start: 0, end: 10 }))!);
        await expect(ranged()).rejects.toThrow(PermanentError);
      });

      it('never hands over the last chunk of a damaged object', async () => {
        const { digest } = await store.put(randomBytes(1_000_000));
        await fixture.damage(digest);
        let seen = 0;
        const read = async () => {
          for await (const chunk of (await store.get(digest))!) seen += (chunk as Buffer).length;
        };
        await expect(read()).rejects.toThrow(PermanentError);
        expect(seen).toBeLessThan(1_000_000);
      });
    });

    it('forgets an object that is deleted, also when that is said twice', async () => {
      const { digest } = await store.put(Buffer.from('short lived'));
      await store.delete(digest);
      await store.delete(digest);
      expect(await store.stat(digest)).toBeUndefined();
      expect(await store.put(Buffer.from('short lived'))).toMatchObject({ digest });
      expect(await store.stat(digest)).toMatchObject({ digest });
    });
  });
