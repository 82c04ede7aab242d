/**
 * Loaded before the built server, unchanged otherwise: as long as the file that `FAILING_NOTIFIER` names is there, the
 * notifier fails at the end of every pipeline.
 */
import { existsSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

const file = process.env.FAILING_NOTIFIER;
// Jobs are told nothing of it.
delete process.env.FAILING_NOTIFIER;
if (file && isMainThread) {
  const { EmbeddedBus } = await import('@foldline/bus-embedded');
  const { subscribe } = EmbeddedBus.prototype;
  EmbeddedBus.prototype.subscribe = function (group, handler, options) {
    const failing = async (event) => {
      if (event.type === 'PipelineFinished' && existsSync(file)) throw new Error('the notifier fails for the test');
      await handler(event);
    };
    return subscribe.call(this, group, group === 'notifier' ? failing : handler, options);
  };
}
