/** What a command that asks a server ends with; documented in docs/running.md. */
export const EXIT = {
  done: 0,
  /** The server refused it, or it did not come to what was wished. */
  failed: 1,
  /** The command does not say what it must. */
  usage: 2,
  notLetIn: 4,
  notFound: 5,
  unreachable: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A command that ends otherwise than it should; the message is for whoever called it. */
export class CommandFailure extends Error {
  override readonly name = 'CommandFailure';
  constructor(
    readonly exitCode: ExitCode,
    message: string,
  ) {
    super(message);
  }
}
