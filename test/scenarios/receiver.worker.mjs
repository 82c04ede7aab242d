import { once } from 'node:events';
import { createServer } from 'node:http';
import { parentPort } from 'node:worker_threads';

const NO_CONTENT = 204;
const GONE = 410;
const UNAVAILABLE = 503;

const messages = [];
const server = createServer((request, response) => {
  const path = request.url;
  const id = String(request.headers['webhook-id']);
  const isRepetition = messages.some((each) => each.id === id);
  messages.push({ path, id });
  const status = path === '/gone' ? GONE : path === '/shaky' && !isRepetition ? UNAVAILABLE : NO_CONTENT;
  request.resume().on('end', () => response.writeHead(status).end());
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
parentPort.on('message', () => parentPort.postMessage(messages));
parentPort.postMessage(server.address().port);
