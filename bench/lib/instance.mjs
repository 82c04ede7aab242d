import { Sandbox } from '@foldline/client';

/** A server on a fresh data directory, with one project whose definition each benchmark writes. */
export const startInstance = async (environment = {}) => {
  const sandbox = await Sandbox.start(environment);
  sandbox.commit({ '.codara-ci.yml': 'job:\n  script: "true"\n' });
  return {
    server: sandbox.server,
    client: sandbox.client,
    commit: (definition) => sandbox.commit({ '.codara-ci.yml': definition }),
    trigger: () => sandbox.trigger(),
    finished: (id) => sandbox.rested(id),
    stop: () => sandbox.stop(),
  };
};
