import { appends } from './appends.mjs';
import { reads } from './reads.mjs';
import { unimplemented } from './refusals.mjs';

/** The service `event_store.client.streams.Streams`, as far as README.md says. */
export const streams = (log, maximumAppendBytes) => ({
  ...appends(log, maximumAppendBytes),
  read: reads(log),
  delete: (_call, answer) => answer(unimplemented('delete')),
  tombstone: (_call, answer) => answer(unimplemented('tombstone')),
});
