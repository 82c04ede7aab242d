/**
 * Loaded before a service of a chaos run, in the place of nothing: the service itself is the built one, unchanged. What
 * CHAOS_INSIDE asks for is put around its adapters: a failpoint at which it dies, a record of what it handled, or a
 * mutant, a promise broken on purpose.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { failpoints } from './failpoints.mjs';
import { MUTANTS } from './mutants.mjs';
import { aroundHandlers } from './around.mjs';

const { failpoint, passage, mutant, record, name, directory } = JSON.parse(process.env.CHAOS_INSIDE ?? '{}');
// Threads and processes that the service starts load this as well, and are left alone.
delete process.env.CHAOS_INSIDE;

if (record) {
  const path = join(directory, `handled-${name}-${process.pid}.jsonl`);
  aroundHandlers(async (event, group, work) => {
    await work();
    const { id, stream, correlationId: key, revision } = event;
    appendFileSync(path, `${JSON.stringify({ group, id, stream, key, revision })}\n`);
  });
}
if (mutant) await MUTANTS[mutant]();
if (failpoint) failpoints(failpoint, passage);
