import type { RecordedEvent } from '@foldline/contracts';
import type { ParkedStream } from '@foldline/kernel';
import { printable } from '../printable.ts';

const COLUMNS = ['GROUP', 'KEY', 'EVENT', 'WAITING', 'TRIES', 'SINCE', 'ERROR'] as const;
const LONGEST_ERROR = 80;

/** One line per key, below a line of headings. */
export const tableOf = (parked: readonly ParkedStream[]): string[] => {
  const rows = [COLUMNS, ...parked.map(rowOf)];
  const widths = COLUMNS.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
};

const rowOf = ({ group, key, eventType, waiting, attempts, parkedAt, error }: ParkedStream): string[] => {
  const [line = ''] = error.split('\n', 1);
  const short = line.length > LONGEST_ERROR ? `${line.slice(0, LONGEST_ERROR - 1)}…` : line;
  return [group, key, eventType, String(waiting), String(attempts), parkedAt, short].map(printable);
};

/** Everything that is known of one key, with the event that could not be handled where the log still gives it. */
export const detailsOf = (parked: ParkedStream, event: RecordedEvent | undefined): string[] => [
  ...Object.entries({
    group: parked.group,
    key: parked.key,
    event: `${parked.eventType} ${parked.eventId}`,
    stream: parked.stream,
    position: String(parked.position),
    'parked at': parked.parkedAt,
    tries: String(parked.attempts),
    'waiting behind it': String(parked.waiting),
    error: parked.error,
  }).map(([name, text]) => `${`${name}:`.padEnd(19)}${printable(text)}`),
  ...(event ? ['data:', printable(JSON.stringify(event.data, undefined, 2))] : []),
];

export const count = (events: number): string => (events === 1 ? '1 event' : `${events} events`);
