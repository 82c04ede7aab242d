/**
 * Lets one of several equal processes do what would be a waste if all did it: relaying, projecting, dispatching.
 *
 * A claim saves work and decides nothing: for a while two processes may both believe that they hold it (one was frozen,
 * or the claims' keeper lost its memory), so whatever is done under a claim must be safe when done twice.
 */
export interface Claims {
  /**
   * Contends for the name until the signal aborts, then gives it up. `onChange` hears `true` when this process has come
   * to hold it and `false` when it no longer does. A holder that goes silent is replaced after `ttlMs`.
   * A holder that cannot reach the keeper of the claims for `ttlMs` gives up; see each adapter for a keeper that stays away.
   */
  contend(claim: {
    name: string;
    ttlMs: number;
    onChange: (held: boolean) => void;
    signal: AbortSignal;
  }): Promise<void>;
}
