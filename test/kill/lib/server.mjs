import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { serverProgram } from '@foldline/client';

const LISTENS = /listens on (http:\/\/\S+)/;

/** A server that may be killed at any moment. `ready` gives its URL, or nothing when it ended before. */
export const launch = ({ directory, dataDirectory, stderr }) => {
  const child = spawn(process.execPath, [serverProgram()], {
    cwd: directory,
    env: {
      ...process.env,
      FOLDLINE_PORT: '0',
      FOLDLINE_LOG_LEVEL: 'warn',
      FOLDLINE_RUNNERS: 'one:high-power:3',
      FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true',
      FOLDLINE_DATA_DIR: dataDirectory,
    },
    stdio: ['ignore', 'pipe', stderr],
  });
  const ended = new Promise((resolve) => child.once('exit', (code, signal) => resolve({ code, signal })));
  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = LISTENS.exec(line)?.[1];
      if (url) resolve(url);
    });
    void ended.then(() => resolve(undefined));
  });
  return {
    pid: child.pid,
    ready,
    ended,
    kill: () => child.kill('SIGKILL'),
    stop: () => child.kill('SIGTERM'),
  };
};

export const keptSecret = (dataDirectory, name) => readFileSync(join(dataDirectory, name), 'utf8').trim();

/** The way to whichever server runs now. */
export class Link {
  #connection;
  #waiting = [];

  /** The connection to a server that said it is ready; waits for one while there is none. */
  up() {
    if (this.#connection) return Promise.resolve(this.#connection);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  opened(connection) {
    this.#connection = connection;
    for (const resolve of this.#waiting.splice(0)) resolve(connection);
  }

  closed() {
    this.#connection = undefined;
  }
}
