import { setTimeout as sleep } from 'node:timers/promises';
import { PROJECT, Sandbox } from '@foldline/client';

const POLL_MS = 200;

/** A server on a fresh data directory, with one project whose definition each benchmark writes. */
export const startInstance = async (environment = {}) => {
  const sandbox = await Sandbox.start(environment);
  sandbox.commit({ '.codara-ci.yml': 'job:\n  script: "true"\n' });
  return {
    server: sandbox.server,
    client: sandbox.client,
    commit: (definition) => sandbox.commit({ '.codara-ci.yml': definition }),
    trigger: () => sandbox.trigger(),
    // The list has no jobs in it, so asking costs the same however large the pipeline is.
    finished: async (id) => {
      for (;;) {
        const { items } = await sandbox.client.get(`/api/${PROJECT}/pipelines?limit=5`);
        const pipeline = items.find((item) => item.id === id);
        if (pipeline?.finishedAt) return pipeline;
        await sleep(POLL_MS);
      }
    },
    stop: () => sandbox.stop(),
  };
};
