import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceName } from '@foldline/contracts';
import { ChildProgram } from './child-program.ts';
import { startOf } from './programs.ts';
import { until } from './until.ts';

const HERE = '127.0.0.1';

/** Another machine, or what takes the place of one, on which a service runs. */
export type Host = {
  /** Where this machine reaches it. */
  address: string;
  /** Put before a command, makes it run there; the process must be the one that was started. */
  within: readonly string[];
  /** Settings as a process there has to have them: it reaches the servers by other addresses, and its runner has a name. */
  there: (settings: Readonly<Record<string, string>>) => Promise<Readonly<Record<string, string>>>;
};

/** Where and how the process runs; here, as it is, where nothing is said. */
type Running = { host?: Host; preload?: string | undefined };

type Up = { opsPort: number; url?: string };

/** What the other services refuse. */
const WITHOUT_SECRETS_OF_GATEWAY = { FOLDLINE_ADMIN_TOKEN: undefined, FOLDLINE_WEBHOOK_SECRET: undefined };

/** One process of one service. It keeps its directory, and the gateway its port, from one start to the next. */
export class ClusterService {
  private readonly program: ChildProgram;
  private readonly host: Host | undefined;
  private up: Up | undefined;

  constructor(
    readonly name: ServiceName,
    /** The how-manieth process of the service it is, from 0. */
    readonly instance: number,
    directory: string,
    environment: Readonly<Record<string, string | undefined>>,
    { host, preload }: Running = {},
  ) {
    this.host = host;
    const title = `${name}-${instance}`;
    this.dataDirectory = join(directory, 'data', title);
    mkdirSync(this.dataDirectory, { recursive: true });
    this.program = new ChildProgram({
      name: title,
      args: startOf(name, preload),
      within: host?.within ?? [],
      environment: {
        ...environment,
        ...(name === 'api-gateway' ? {} : WITHOUT_SECRETS_OF_GATEWAY),
        ...(host ? { FOLDLINE_HOST: host.address } : {}),
        FOLDLINE_PORT: '0',
        FOLDLINE_OPS_PORT: '0',
        FOLDLINE_DATA_DIR: this.dataDirectory,
      },
      logFile: join(directory, 'logs', `${title}.log`),
      isUp: /"the service is up"/,
    });
  }

  readonly dataDirectory: string;

  get pid(): number | undefined {
    return this.program.pid;
  }

  get failures(): readonly string[] {
    return this.program.failures;
  }

  /** Where the service listens for requests; the gateway alone does. */
  get url(): string {
    if (!this.up?.url) throw new Error(`${this.name} has no address`);
    return this.up.url;
  }

  /** `http://host:port` of its own `/healthz`, `/readyz` and `/metrics`. */
  get opsUrl(): string {
    if (!this.up) throw new Error(`${this.name} was not started`);
    return `http://${this.host?.address ?? HERE}:${this.up.opsPort}`;
  }

  /** Starts the process and waits until it is ready. */
  async start(): Promise<void> {
    const port = this.up?.url ? new URL(this.up.url).port : undefined;
    const { opsPort, url } = JSON.parse(
      await this.program.start(port === undefined ? {} : { FOLDLINE_PORT: port }),
    ) as Up;
    this.up = { opsPort, ...(url ? { url } : {}) };
    await until(`${this.name} to be ready`, async () => (await fetch(`${this.opsUrl}/readyz`)).ok);
  }

  stop(): Promise<number | null> {
    return this.program.stop();
  }

  kill(signal?: NodeJS.Signals): Promise<void> {
    return this.program.kill(signal);
  }

  log(): string {
    return this.program.log();
  }
}
