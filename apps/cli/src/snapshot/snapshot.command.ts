import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { EXIT, type ExitCode } from '../command-failure.ts';
import { connectionOf, type Environment } from '../server/connection.ts';
import { openSnapshot, type Wanted } from './open-snapshot.ts';

type Options = Omit<Wanted, 'job'> & { url?: string; json?: boolean };

const PROJECT = /^[\w.-]{1,128}\/[\w.-]{1,128}$/;
const NUMBER = /^\d{1,6}$/;

/** `foldline snapshot …`: what the steps of a job have made, for whoever looks for what went wrong. Paths are relative to `directory`. */
export const addSnapshotCommands = (
  program: Command,
  directory: string,
  environment: Environment,
  ended: (code: ExitCode) => void,
): void => {
  const snapshot = program.command('snapshot').description('what the steps of a job have made');
  // A mistake in the call is not what a server said.
  snapshot.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
  snapshot
    .command('open <job>')
    .description('make a directory what the next step would have found: checkout, caches, and what the steps have made')
    .requiredOption('--into <directory>', 'new or empty')
    .option('--attempt <number>', 'counted from 1; the newest that has kept anything when absent', number)
    .option('--step <number>', 'counted from 0; the last that has kept anything when absent', number)
    .option('--project <owner/name>', 'the job is the one that the API calls so, and not a submitted one', project)
    .option('--url <url>', 'where the gateway is; by FOLDLINE_HOST and FOLDLINE_PORT when absent')
    .option('--json', 'tell programs what was done')
    .action(async (job: string, { url, json = false, into, ...wanted }: Options) => {
      const out = { answer: console.log, remark: console.error, json };
      const asked = { job, ...wanted, into: resolve(directory, into) };
      ended(await openSnapshot(asked, { connection: connectionOf(environment, url), environment, out }));
    });
};

const number = (text: string): number => {
  if (NUMBER.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number.');
};

const project = (text: string): string => {
  if (PROJECT.test(text)) return text;
  throw new InvalidArgumentError('It must be owner/name.');
};
