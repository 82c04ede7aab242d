import { once } from 'node:events';
import { createServer } from 'node:http';

const SERVICE_UNAVAILABLE = 503;
const NO_CONTENT = 204;

/** Whom the server tells about finished pipelines. Some deliveries have to be tried again. */
export class Receiver {
  /** Ids of deliveries that were accepted, each as often as it came. */
  received = [];
  #refused = new Set();
  #server;

  constructor(random) {
    this.#server = createServer((request, response) => {
      const id = request.headers['x-foldline-delivery'];
      request.resume().on('end', () => {
        const refuse = !this.#refused.has(id) && random.chance(0.1);
        if (refuse) this.#refused.add(id);
        else this.received.push(id);
        response.writeHead(refuse ? SERVICE_UNAVAILABLE : NO_CONTENT).end();
      });
    });
  }

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.url = `http://127.0.0.1:${this.#server.address().port}/results`;
  }

  close() {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
