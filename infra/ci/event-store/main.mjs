// Serves the wire protocol of EventStoreDB on the loopback, for tests. What it covers and what not: README.md.
//
//   node infra/ci/event-store/main.mjs --port 12113 --data DIR [--max-append-size BYTES]
//     [--certificate FILE --key FILE] [--users FILE]
//
// The users are lines of the form name:password. // Prints one line when it answers. Ends on SIGTERM and SIGINT; a SIGKILL loses nothing that was acknowledged.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { parseArgs } from 'node:util';
import { openEmbeddedEventStore } from '@foldline/event-store-embedded';
import { Log } from './log.mjs';
import { serverFeatures } from './server-features.mjs';
import { streams } from './streams.mjs';
import { onlyFor } from './users.mjs';

const require = createRequire(import.meta.url);
const { Server, ServerCredentials } = require('@grpc/grpc-js');
const { StreamsService } = require('@eventstore/db-client/generated/streams_grpc_pb');
const { ServerFeaturesService } = require('@eventstore/db-client/generated/serverfeatures_grpc_pb');

/** What a server accepts in one append unless it is told otherwise, and in one message. */
const MAXIMUM_APPEND_BYTES = '1048576';
const MAXIMUM_MESSAGE_BYTES = 17 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    data: { type: 'string' },
    'max-append-size': { type: 'string', default: MAXIMUM_APPEND_BYTES },
    certificate: { type: 'string' },
    key: { type: 'string' },
    users: { type: 'string' },
  },
});
const port = Number(values.port);
const maximumAppendBytes = Number(values['max-append-size']);
const isSecure = values.certificate !== undefined;
if (
  isSecure !== (values.key !== undefined) ||
  !values.data ||
  !Number.isInteger(port) ||
  port < 0 ||
  port > 65_535 ||
  !(maximumAppendBytes > 0)
) {
  process.stderr.write(
    'usage: main.mjs --port N --data DIR [--max-append-size BYTES] [--certificate FILE --key FILE] [--users FILE]\n',
  );
  process.exit(2);
}

const store = await openEmbeddedEventStore({ directory: values.data, now: () => new Date().toISOString() });
const server = new Server({ 'grpc.max_receive_message_length': MAXIMUM_MESSAGE_BYTES });
const users = values.users && readFileSync(values.users, 'utf8').trim().split('\n');
const guarded = (handlers) => (users ? onlyFor(users, handlers) : handlers);
server.addService(StreamsService, guarded(streams(new Log(store), maximumAppendBytes)));
server.addService(ServerFeaturesService, guarded(serverFeatures));
const credentials = isSecure
  ? ServerCredentials.createSsl(null, [
      { cert_chain: readFileSync(values.certificate), private_key: readFileSync(values.key) },
    ])
  : ServerCredentials.createInsecure();
const bound = await new Promise((resolve, reject) => {
  server.bindAsync(`127.0.0.1:${port}`, credentials, (error, number) => (error ? reject(error) : resolve(number)));
});
process.stdout.write(`ready on 127.0.0.1:${bound}\n`);

let ending = false;
const end = async () => {
  if (ending) return;
  ending = true;
  server.forceShutdown();
  await store.close();
  process.exit(0);
};
process.on('SIGTERM', end);
process.on('SIGINT', end);
