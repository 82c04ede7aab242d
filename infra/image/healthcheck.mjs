// Whether the service in this container is alive, asked of its operations port: exit code 0 or 1, for HEALTHCHECK.
import { get } from 'node:http';

const fail = (reason) => {
  process.stderr.write(`${reason}\n`);
  process.exit(1);
};

const path = process.argv[2] ?? '/healthz';
get({ host: '127.0.0.1', port: process.env.FOLDLINE_OPS_PORT ?? 9464, path, timeout: 4000 }, (response) => {
  response.resume();
  if (response.statusCode !== 200) fail(`${path} answers ${response.statusCode}`);
})
  .on('timeout', () => fail(`${path} does not answer`))
  .on('error', (error) => fail(error.message));
