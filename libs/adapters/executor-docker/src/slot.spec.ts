import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Slot } from './slot.ts';

let root: string;
let slot: Slot;
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'foldline-slot-'));
  mkdirSync(join(root, 'workspace'));
  writeFileSync(join(root, 'workspace/file'), 'content');
  slot = await Slot.make(join(root, 'slots'));
});
afterEach(() => rmSync(root, { recursive: true }));

const workspace = (): { from: string; at: string } => ({ from: join(root, 'workspace'), at: '/builds/ada/engine' });

describe('The directory of a container', () => {
  it('has what belongs to the job while it runs, and nothing after', async () => {
    slot.moveIn([workspace()]);
    expect(readFileSync(join(slot.builds, 'ada/engine/file'), 'utf8')).toBe('content');
    expect(existsSync(join(root, 'workspace'))).toBe(false);
    writeFileSync(join(slot.builds, 'ada/engine/made'), 'by the job');
    await slot.moveOut();
    expect(readFileSync(join(root, 'workspace/made'), 'utf8')).toBe('by the job');
    expect(readdirSync(join(slot.builds, 'ada'))).toEqual([]);
  });

  it('lends it in between', async () => {
    slot.moveIn([workspace()]);
    const lent = await slot.lend(async () => writeFileSync(join(root, 'workspace/meanwhile'), 'by the runner'));
    expect(lent).toBe(true);
    expect(readFileSync(join(slot.builds, 'ada/engine/meanwhile'), 'utf8')).toBe('by the runner');
    expect(existsSync(join(root, 'workspace'))).toBe(false);
  });

  it('holds several directories of one job', async () => {
    mkdirSync(join(root, 'files'));
    slot.moveIn([workspace(), { from: join(root, 'files'), at: '/builds/ada/engine.tmp' }]);
    expect(readdirSync(join(slot.builds, 'ada'))).toEqual(['engine', 'engine.tmp']);
    await slot.moveOut();
    expect(existsSync(join(root, 'files'))).toBe(true);
  });

  describe('of a job that has put something else in the place of its workspace', () => {
    let elsewhere: string;
    beforeEach(() => {
      elsewhere = join(root, 'of the host');
      mkdirSync(join(elsewhere, 'engine'), { recursive: true });
      slot.moveIn([workspace()]);
    });
    const expectNothingTaken = async (): Promise<void> => {
      expect(await slot.moveOut()).toEqual([join(root, 'workspace')]);
      expect(lstatSync(join(root, 'workspace')).isDirectory()).toBe(true);
      expect(readdirSync(join(root, 'workspace'))).toEqual([]);
      expect(readdirSync(elsewhere)).toEqual(['engine']);
    };

    it('gives back an empty one where there is none', async () => {
      rmSync(join(slot.builds, 'ada/engine'), { recursive: true });
      await expectNothingTaken();
    });

    it('lends nothing', async () => {
      rmSync(join(slot.builds, 'ada/engine'), { recursive: true });
      symlinkSync(join(elsewhere, 'engine'), join(slot.builds, 'ada/engine'));
      expect(await slot.lend(() => Promise.reject(new Error('not to be called')))).toBe(false);
    });

    it('takes nothing that a link leads to', async () => {
      rmSync(join(slot.builds, 'ada/engine'), { recursive: true });
      symlinkSync(join(elsewhere, 'engine'), join(slot.builds, 'ada/engine'));
      await expectNothingTaken();
    });

    it('takes nothing that a link further up leads to', async () => {
      rmSync(join(slot.builds, 'ada'), { recursive: true });
      symlinkSync(elsewhere, join(slot.builds, 'ada'));
      await expectNothingTaken();
    });
  });

  it.each(['/builds', '/etc', '/builds/../etc'])('takes nothing to %s', (at) => {
    expect(() => slot.moveIn([{ ...workspace(), at }])).toThrow('is not below /builds');
    expect(existsSync(join(root, 'workspace'))).toBe(true);
  });

  it('is gone when nobody needs it', async () => {
    await slot.remove();
    expect(readdirSync(join(root, 'slots'))).toEqual([]);
  });
});
