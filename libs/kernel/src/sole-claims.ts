import type { Claims } from './ports/claims.port.ts';

/** Claims of a process that has no equals: it holds everything it contends for. */
export const soleClaims = (): Claims => ({
  contend: async ({ onChange, signal }) => {
    if (signal.aborted) return;
    const given = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
    onChange(true);
    await given;
    onChange(false);
  },
});
