import { execFile } from 'node:child_process';
import type { CacheTool } from '@foldline/contracts';
import type { Clock } from '@foldline/kernel';
import { ARCHITECTURE } from '../execution/predefined.ts';

/** How each tool tells its version; one of them does so on standard error. */
const QUESTIONS: Readonly<Record<CacheTool, readonly [string, string]>> = {
  node: ['node', '--version'],
  python: ['python3', '--version'],
  go: ['go', 'version'],
  rust: ['rustc', '--version'],
  java: ['java', '-version'],
  ruby: ['ruby', '--version'],
  php: ['php', '--version'],
};
/** What is built for one of these fits the next ones of the same two numbers. */
const VERSION = /(\d{1,6}\.\d{1,6})/;
const ANSWER = { timeout: 5000, maxBuffer: 64 * 1024, cwd: '/' };
/** Somebody may install another one while the runner runs. */
const KNOWN_MS = 60_000;

/** The versions of tools that jobs find on this host, as the `PATH` of the runner has them, or of `env`; never as a job's. */
export class ToolVersions {
  private readonly known = new Map<CacheTool, { version: Promise<string>; askedAt: number }>();

  constructor(
    private readonly clock: Pick<Clock, 'monotonic'>,
    private readonly env?: Readonly<Record<string, string>>,
  ) {}

  /** `linux/amd64-node20.19`, or with the image that the tool comes from. */
  async platformOf(tool: CacheTool, image: string | undefined): Promise<string> {
    return `${ARCHITECTURE}-${image ?? `${tool}${await this.of(tool)}`}`;
  }

  /** Two numbers, as in `20.19`, or `none` where there is no such tool or it says nothing of the kind. */
  private of(tool: CacheTool): Promise<string> {
    const now = this.clock.monotonic();
    const known = this.known.get(tool);
    if (known && now - known.askedAt < KNOWN_MS) return known.version;
    const version = ask(QUESTIONS[tool], this.env);
    this.known.set(tool, { version, askedAt: now });
    return version;
  }
}

const ask = ([program, argument]: readonly [string, string], env?: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve) => {
    execFile(program, [argument], { ...ANSWER, ...(env && { env }) }, (_error, out, err) =>
      resolve(VERSION.exec(`${out}\n${err}`)?.[1] ?? 'none'),
    );
  });
