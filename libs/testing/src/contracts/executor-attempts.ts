import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from '@jest/globals';
import type {
  ContainerSpec,
  Execution,
  ExecutionResult,
  ExecutionSpec,
  Executor,
  ResourceUsage,
  Site,
  SiteSpec,
} from '@foldline/kernel';

export type ExecutorFixture = {
  executor: Executor;
  /** What every attempt of the suite runs in, for executors that make containers. */
  container?: ContainerSpec;
  /** How many processes of the attempt are alive on the host. */
  alive(attemptId: string): number | Promise<number>;
};

type Given = Partial<SiteSpec & Pick<ExecutionSpec, 'environment' | 'onOutput'>>;

const escape = String.fromCharCode(27);
/** A command as it is shown before it runs. */
export const echoOf = (line: string): string => `${escape}[32;1m$ ${line}${escape}[0;m\n`;

/** What may be said of a shell that a signal has ended: of one in a container its number is all that is known. */
export const diedOf = (number: 9 | 15): ExecutionResult[] => [
  { signal: number === 9 ? 'SIGKILL' : 'SIGTERM' },
  { exitCode: 128 + number },
];

let counter = 0;

/** The attempts of each test of a suite, in a directory of their own. */
export type Attempts = ReturnType<typeof attemptsOf>;

export const attemptsOf = ({ executor, container }: ExecutorFixture) => {
  let root: string;
  let attemptId: string;
  let output: Buffer[];
  let sites: Site[];
  let opened: number;
  /** By the step that ended last; how a step ends is told without it. */
  let used: ResourceUsage | undefined;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'foldline-executor-'));
    mkdirSync(join(root, 'workspace'));
    mkdirSync(join(root, 'scratch'));
    attemptId = `contract${process.pid}.${(counter += 1)}.1`;
    output = [];
    sites = [];
    opened = 0;
  });
  const closeAll = async (): Promise<void> => {
    for (const site of sites) await site.close();
  };
  afterEach(async () => {
    await closeAll();
    rmSync(root, { recursive: true, force: true });
  });

  /** A workspace is one attempt's; after the first one of a test each has its own. */
  const nextWorkspace = (): string => {
    const path = join(root, (opened += 1) === 1 ? 'workspace' : `workspace-${opened}`);
    mkdirSync(path, { recursive: true });
    return path;
  };
  const open = async (where: Partial<SiteSpec> = {}): Promise<Site> => {
    const site = await executor.open({
      attemptId,
      workspace: nextWorkspace(),
      scratchDirectory: join(root, 'scratch'),
      ...(container && { container }),
      ...where,
    });
    sites.push(site);
    return site;
  };
  const start = async (
    commands: string[],
    { environment = {}, onOutput = (chunk) => void output.push(chunk), ...where }: Given = {},
  ): Promise<Execution> => {
    const site = await open(where);
    const execution = await site.start({ commands, environment, onOutput });
    const finished = execution.finished.then(({ usage, ...result }): ExecutionResult => {
      used = usage;
      return result;
    });
    return { finished, stop: (graceMs) => execution.stop(graceMs) };
  };
  const run = async (commands: string[], more: Given = {}) => (await start(commands, more)).finished;
  const text = (): string => Buffer.concat(output).toString();
  /** Output without the echoed commands. */
  const printed = (): string =>
    text()
      .split('\n')
      .filter((line) => !line.startsWith(escape))
      .join('\n');
  const startAndWaitFor = async (line: string, commands: string[]): Promise<Execution> => {
    let seen: () => void = () => undefined;
    const printedLine = new Promise<void>((resolve) => {
      seen = resolve;
    });
    const onOutput = (chunk: Buffer): void => {
      output.push(chunk);
      if (printed().split('\n').includes(line)) seen();
    };
    const execution = await start(commands, { onOutput });
    await printedLine;
    return execution;
  };
  return {
    get id() {
      return attemptId;
    },
    get used() {
      return used;
    },
    get root() {
      return root;
    },
    closeAll,
    nextWorkspace,
    open,
    start,
    run,
    text,
    printed,
    startAndWaitFor,
  };
};
