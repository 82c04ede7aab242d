import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 25;
const DEADLINE_MS = 25_000;

/**
 * Asks again and again until there is an answer, and gives it. After the deadline (milliseconds) it throws and names
 * what was waited for. `pollMs` lies between two questions.
 */
export const until = async <Answer>(
  what: string,
  ask: () => Promise<Answer | undefined | false> | Answer | undefined | false,
  deadlineMs = DEADLINE_MS,
  pollMs = POLL_MS,
): Promise<Answer> => {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await sleep(pollMs);
  }
};
