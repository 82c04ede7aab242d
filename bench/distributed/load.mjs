import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT } from '@foldline/client';

const POLL_MS = 500;
const PAUSE_MS = 100;

/** Asks one client after the other until one answers: gateways come and go, and a lost answer is asked for again. */
export const answered = async (clients, ask, until = performance.now() + 60_000) => {
  for (let n = 0; ; n += 1) {
    try {
      return await ask(clients()[n % clients().length]);
    } catch (error) {
      if (performance.now() > until) throw error;
      await sleep(PAUSE_MS);
    }
  }
};

/** The pipeline as the list shows it, once it has ended. The list has no jobs in it, so asking is cheap. */
export const ended = async (clients, id, patienceMs) => {
  for (const until = performance.now() + patienceMs; performance.now() < until; await sleep(POLL_MS)) {
    const { items } = await answered(clients, (client) => client.get(`/api/${PROJECT}/pipelines?limit=100`));
    const found = items.find((item) => item.id === id);
    if (found?.finishedAt) return found;
  }
  throw new Error(`pipeline ${id} was accepted and did not end within ${patienceMs / 1000} s`);
};

/** So many pipelines, so many of them at a time; answers with how they ended and how long it took. */
export const runPipelines = async (clients, { count, atOnce, patienceMs = 300_000 }) => {
  const began = performance.now();
  const ends = [];
  let left = count;
  const lane = async () => {
    while (left-- > 0) {
      const { id } = await answered(clients, (client) =>
        client.post(`/api/${PROJECT}/pipelines`, { ref: 'main', variables: {} }),
      );
      ends.push(await ended(clients, id, patienceMs));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { ends, seconds: (performance.now() - began) / 1000 };
};
