import { describe, expect, it } from '@jest/globals';
import { BuildLog } from './build-log.ts';
import type { BuildStatus, Vertex } from './build-status.ts';

const vertex = (digest: string, more: Partial<Vertex> = {}): Vertex => ({
  digest,
  name: `step ${digest}`,
  cached: false,
  ...more,
});
const status = (...vertices: Vertex[]): BuildStatus => ({ vertices, logs: [] });
const output = (digest: string, at: number, text: string): BuildStatus => ({
  vertices: [],
  logs: [{ digest, at, text: Buffer.from(text) }],
});

describe('the log of a build', () => {
  it('names each step once, when it begins, and says how long it took', () => {
    const log = new BuildLog();
    expect(log.take(status(vertex('a'), vertex('b', { started: 1000 })))).toBe('#1 step b\n');
    expect(log.take(status(vertex('b', { started: 1000 })))).toBe('');
    expect(log.take(status(vertex('b', { started: 1000, completed: 2500 })))).toBe('#1 DONE 1.5s\n');
    expect(log.take(status(vertex('b', { started: 1000, completed: 2500 })))).toBe('');
  });

  it('tells what was taken over from a build before', () => {
    const log = new BuildLog();
    expect(log.take(status(vertex('a', { started: 1, completed: 1, cached: true })))).toBe('#1 step a\n#1 CACHED\n');
  });

  it('puts output in lines, each with its step and its time, however it comes in pieces', () => {
    const log = new BuildLog();
    log.take(status(vertex('a', { started: 1000 })));
    expect(log.take(output('a', 1250, 'comp'))).toBe('');
    expect(log.take(output('a', 1500, 'iling\nlinking\n'))).toBe('#1 0.500 compiling\n#1 0.500 linking\n');
    expect(log.take(output('a', 1500, 'the end'))).toBe('');
    expect(log.take(status(vertex('a', { started: 1000, completed: 2000 })))).toBe('#1 the end\n#1 DONE 1.0s\n');
  });

  it('says which step failed, and why', () => {
    const log = new BuildLog();
    const text = log.take(status(vertex('a', { started: 1, completed: 2, error: 'exit code: 3' })));
    expect(text).toBe('#1 step a\n#1 ERROR: exit code: 3\n');
    expect(log.failed).toEqual(['step a']);
  });

  it('knows how much of what is known to be done is done', () => {
    const log = new BuildLog();
    expect(log.percent).toBe(0);
    log.take(status(vertex('a', { started: 1, completed: 2 }), vertex('b'), vertex('c')));
    expect(log.percent).toBe(33);
  });
});
