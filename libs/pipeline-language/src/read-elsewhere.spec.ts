import { describe, expect, it } from '@jest/globals';
import { allowedHost, TransientError, type OutboundHttp } from '@foldline/kernel';
import { ManualClock } from '@foldline/testing';
import type { Found } from './elsewhere.ts';
import { limits } from './limits.ts';
import { IMPATIENT, PATIENT, readElsewhere, type ElsewhereTools, type Patience } from './read-elsewhere.ts';

const project = { id: 'p', owner: 'ada', name: 'engine', url: '/srv/git/engine.git', defaultBranch: 'main' };
const remote = (name = 'a') => ({ kind: 'remote' as const, url: `https://example.com/${name}.yml` });

const reading = (patience: Patience, get: OutboundHttp['get']) => {
  const clock = new ManualClock();
  const tools = { clock, patience, includeHosts: [allowedHost('example.com')!], http: { get } };
  return { clock, look: readElsewhere(tools as unknown as ElsewhereTools, project) };
};
const codeOf = (found: Found): string => ('problem' in found ? found.problem : 'read');

const answering = async (body: string) => ({ status: 200, body: Buffer.from(body) });
const unanswered = async (): Promise<never> => {
  throw new TransientError('no answer in time');
};

describe('A remote file', () => {
  it('is given up at once where somebody waits for the answer', async () => {
    let asked = 0;
    const { look } = reading(IMPATIENT, () => {
      asked += 1;
      return unanswered();
    });
    expect(codeOf(await look(remote()))).toBe('include-unreachable');
    expect(asked).toBe(1);
  });

  it('is asked for again after a pause where nobody does', async () => {
    const answers = [unanswered, unanswered, () => answering('a: {}')];
    const { clock, look } = reading(PATIENT, () => answers.shift()!());
    const found = look(remote());
    for (const pause of PATIENT.pausesMs) {
      await clock.sleeping(pause);
      clock.advance(pause);
    }
    expect(codeOf(await found)).toBe('read');
  });

  it('is not asked for any more when the others have taken all the time there is', async () => {
    let asked = 0;
    const { clock, look } = reading(PATIENT, () => {
      asked += 1;
      return answering('a: {}');
    });
    clock.advance(PATIENT.totalMs);
    expect(codeOf(await look(remote()))).toBe('include-unreachable');
    expect(asked).toBe(0);
  });

  it('is given what is left of the time and no more', async () => {
    const deadlines: number[] = [];
    const { clock, look } = reading(IMPATIENT, (_address, { deadlineMs }) => {
      deadlines.push(deadlineMs);
      return answering('a: {}');
    });
    await look(remote('a'));
    clock.advance(IMPATIENT.totalMs - 300);
    await look(remote('b'));
    expect(deadlines).toEqual([10_000, 300]);
  });

  it('is one too much when all together are too large', async () => {
    const { look } = reading(IMPATIENT, () => answering('#'.repeat(limits.fileBytes)));
    const most = limits.elsewhereBytes / limits.fileBytes;
    const found = await Promise.all(Array.from({ length: most + 1 }, (_, n) => look(remote(`file-${n}`))));
    expect(found.map(codeOf).filter((code) => code === 'read')).toHaveLength(most);
    expect(found.map(codeOf)).toContain('include-too-large');
  });

  it('is read beside few others', async () => {
    let running = 0;
    let most = 0;
    const { look } = reading(IMPATIENT, async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      return answering('a: {}');
    });
    await Promise.all(Array.from({ length: 50 }, (_, n) => look(remote(`file-${n}`))));
    expect(most).toBe(8);
  });
});
