import type { Readable } from 'node:stream';
import { DaemonReport } from '@foldline/docker';

/** Longer than any line that the daemon writes by itself. */
const MAX_LINE = 16 * 1024 * 1024;

/** What the daemon tells, one JSON document per line. One that tells of an error ends it, as a `DaemonReport`. */
export async function* messagesOf(stream: Readable): AsyncGenerator<Record<string, unknown>> {
  let rest = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop()!;
    if (rest.length > MAX_LINE) throw new DaemonReport('it told more at once than is read');
    for (const line of lines) if (line.trim() !== '') yield messageIn(line);
  }
  if (rest.trim() !== '') yield messageIn(rest);
}

const messageIn = (line: string): Record<string, unknown> => {
  const message = JSON.parse(line) as Record<string, unknown>;
  const { error, errorDetail } = message as { error?: string; errorDetail?: { message?: string } };
  const text = errorDetail?.message ?? error;
  if (text !== undefined) throw new DaemonReport(text);
  return message;
};
