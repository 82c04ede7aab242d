import { Inbox, WrongExpectedRevision } from '@foldline/kernel';
import { aroundAppends, aroundOutlet } from './around.mjs';

const HEAD_START_MS = 400;
const LONGEST_STREAM = 1_000_000;

/** Promises broken on purpose, one each. The checks must tell each of them from a service as it should be. */
export const MUTANTS = {
  /** What the others are compared with: only records what it handles. */
  none: () => undefined,

  /** The relay says that events are in the topic before they are. */
  'early-checkpoint': () =>
    aroundOutlet(({ openPublisher, checkpoints, name, categories, now }) => ({
      openPublisher: async () => {
        const publisher = await openPublisher();
        return {
          publish: async (batch) => {
            const { position } = batch.at(-1).event;
            await checkpoints.save({ name, categories, position, savedAt: now() });
            await new Promise((resolve) => setTimeout(resolve, HEAD_START_MS));
            await publisher.publish(batch);
          },
          close: () => publisher.close(),
        };
      },
    })),

  /** What was delivered before is taken for new. */
  'no-dedupe': () => {
    Inbox.prototype.accept = () => 'next';
  },

  /** Appends whatever the stream has become meanwhile. */
  'any-append': () =>
    aroundAppends(async function (append, stream, events, expected) {
      for (let revision = expected; ;) {
        try {
          return await append(stream, events, revision);
        } catch (error) {
          if (!(error instanceof WrongExpectedRevision)) throw error;
          revision = (await this.readStream(stream, 0, LONGEST_STREAM)).length - 1;
        }
      }
    }),

  /** A runner takes its lease for held, whatever the log says. */
  'no-fence': async () => {
    const { RunnerLeases } = await import('../../../apps/runner/dist/lease/runner-leases.service.js');
    RunnerLeases.prototype.standing = () => 'held';
    RunnerLeases.prototype.end = () => undefined;
  },
};
