import { describe, expect, it } from '@jest/globals';
import { BlobGate } from './blob-gate.ts';

const deferred = () => {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
};
const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the gate between commits and deletion', () => {
  it('lets commits run side by side', async () => {
    const gate = new BlobGate();
    const first = deferred();
    const running = gate.committing(() => first.promise);
    await gate.committing(async () => first.resolve());
    await running;
  });

  it('starts a deletion only after the running commits have ended', async () => {
    const gate = new BlobGate();
    const order: string[] = [];
    const commit = deferred();
    const committing = gate.committing(async () => {
      await commit.promise;
      order.push('commit');
    });
    const deleting = gate.deleting(async () => void order.push('deletion'));
    await soon();
    commit.resolve();
    await Promise.all([committing, deleting]);
    expect(order).toEqual(['commit', 'deletion']);
  });

  it('holds commits and other deletions back while one deletes', async () => {
    const gate = new BlobGate();
    const order: string[] = [];
    const deletion = deferred();
    const work = [
      gate.deleting(async () => {
        await deletion.promise;
        order.push('first deletion');
      }),
      gate.committing(async () => void order.push('commit')),
      gate.deleting(async () => void order.push('second deletion')),
    ];
    await soon();
    deletion.resolve();
    await Promise.all(work);
    expect(order[0]).toBe('first deletion');
    expect(order).toHaveLength(3);
  });

  it('goes on after work that failed', async () => {
    const gate = new BlobGate();
    await expect(gate.deleting(() => Promise.reject(new Error('disk')))).rejects.toThrow('disk');
    await expect(gate.committing(() => Promise.reject(new Error('disk')))).rejects.toThrow('disk');
    await expect(gate.deleting(async () => 'done')).resolves.toBe('done');
  });
});
