import type { ChildUsage } from './children-usage.ts';

/** What the server asks of the spawner process. */
export type SpawnRequest = {
  id: number;
  file: string;
  args: readonly string[];
  cwd?: string;
  env: Readonly<Record<string, string>>;
  /** A named pipe that both outputs are written to, or how many bytes of them are gathered and sent back. */
  output: { pipe: string } | { captureBytes: number };
};

export type SpawnReply =
  | { id: number; kind: 'started'; pid: number }
  | { id: number; kind: 'failed'; code: string; message: string }
  | {
      id: number;
      kind: 'exited';
      exitCode?: number;
      signal?: string;
      /** Absent where it cannot be told from that of others. */
      usage?: ChildUsage;
      stdout?: Buffer;
      stderr?: Buffer;
      overflow?: boolean;
    };
