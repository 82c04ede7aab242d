export type ExecutionSpec = {
  /** Marks every process of the execution, so that survivors are found; unique per attempt. */
  attemptId: string;
  /** Commands run in order by one shell that stops at the first failure. */
  commands: readonly string[];
  workingDirectory: string;
  /** A directory of this attempt outside the workspace, for the shell script and its like. */
  scratchDirectory: string;
  environment: Readonly<Record<string, string>>;
  /** Called with output in the order in which it was written, stdout and stderr as one; awaited, so it slows the job down. */
  onOutput: (chunk: Buffer) => Promise<void> | void;
};

/** `exitCode` is absent when a signal ended the shell. */
export type ExecutionResult = { exitCode?: number; signal?: string };

export interface Execution {
  /** Settles after the shell ended, every process it left was killed and its last byte of output was handed over. */
  readonly finished: Promise<ExecutionResult>;
  /** SIGTERM to all its processes now, SIGKILL to those alive after the grace period. Safe to call twice. */
  stop(graceMs: number): void;
}

/**
 * Runs the commands of one step somewhere. A command that fails is a result; the engine being unable to run it is
 * a thrown `TransientError` (try again) or `PermanentError`.
 */
export interface Executor {
  /** For example `process`; recorded with each attempt. */
  readonly kind: string;
  start(spec: ExecutionSpec): Promise<Execution>;
  /** Kills whatever a crashed runner left of this attempt. Resolves when nothing is left; idempotent. */
  sweep(attemptId: string): Promise<{ killed: number }>;
}
