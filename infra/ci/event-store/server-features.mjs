import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { SupportedMethod, SupportedMethods } = require('@eventstore/db-client/generated/serverfeatures_pb');

const METHODS = ['read', 'append', 'batchappend'];

/** What a client may ask for. Append in batches is announced as a real server does: clients choose it by themselves. */
export const serverFeatures = {
  getSupportedMethods: (_call, answer) => {
    const features = new SupportedMethods();
    features.setEventStoreServerVersion('24.10.0');
    for (const name of METHODS) {
      const method = new SupportedMethod();
      method.setServiceName('event_store.client.streams.streams');
      method.setMethodName(name);
      if (name === 'read') method.setFeaturesList(['position', 'events']);
      features.addMethods(method);
    }
    answer(null, features);
  },
};
