import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../../scripts/workspace.mjs';
import { isAlive } from '../acceptance/gate.ts';

const SCRIPT = join(root, 'infra/ci/servers');
/** Where the script puts Kafka's and its controller's port without an offset. */
const [KAFKA_PORT, CONTROLLER_PORT] = [19_092, 19_093];
/** Between the ports of other tests and those that the system gives away. */
const OFFSETS = { first: 6_000, count: 6_000 };
const DOOR_PORT = 9_092;
const UP_MS = 120_000;
/** Of directories, followed by the process id of their maker. */
const PREFIX = 'foldline-kafka-';

/** A Kafka of the test's own that tells its clients an address which other hosts reach, too. */
export class OwnKafka {
  constructor(
    readonly brokers: string,
    private readonly directory: string,
    private readonly environment: Readonly<Record<string, string>>,
  ) {}

  static async start(address: string): Promise<OwnKafka> {
    await stopLeftBehind();
    const brokers = `${address}:${DOOR_PORT}`;
    const directory = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
    const kafka = new OwnKafka(brokers, directory, {
      FOLDLINE_CI_DIR: directory,
      FOLDLINE_CI_PORT_OFFSET: String(await freeOffset()),
      FOLDLINE_CI_KAFKA_JARS: join(process.env['FOLDLINE_CI_DIR'] ?? '/var/tmp/foldline-ci', 'kafka/libs'),
      FOLDLINE_CI_KAFKA_DOORS: `${brokers}=${brokers}`,
    });
    try {
      await kafka.script('up');
    } catch (error) {
      await kafka.stop();
      throw error;
    }
    return kafka;
  }

  async stop(): Promise<void> {
    await this.script('down');
    rmSync(this.directory, { recursive: true, force: true });
  }

  private async script(command: 'up' | 'down'): Promise<void> {
    await promisify(execFile)(SCRIPT, [command, 'kafka'], {
      env: { ...process.env, ...this.environment },
      timeout: UP_MS,
    });
  }
}

/** A test that was killed could not stop its own. */
const stopLeftBehind = async (): Promise<void> => {
  for (const name of readdirSync(tmpdir()).filter((one) => one.startsWith(PREFIX))) {
    if (isAlive(Number.parseInt(name.slice(PREFIX.length), 10))) continue;
    const directory = join(tmpdir(), name);
    await new OwnKafka('', directory, { FOLDLINE_CI_DIR: directory }).stop();
  }
};

const freeOffset = async (): Promise<number> => {
  for (let n = 0; n < OFFSETS.count; n += 1) {
    const offset = OFFSETS.first + ((process.pid + 2 * n) % OFFSETS.count);
    if ((await isFree(KAFKA_PORT + offset)) && (await isFree(CONTROLLER_PORT + offset))) return offset;
  }
  throw new Error('there are no free ports for a Kafka');
};

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
