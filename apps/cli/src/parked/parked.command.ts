import type { Command } from 'commander';
import { EXIT, type ExitCode } from '../command-failure.ts';
import { connectionOf, type Environment } from '../server/connection.ts';
import { Parked } from './parked.ts';

type Shared = { url?: string; json?: boolean };
type Ended = (code: ExitCode) => void;

/** `foldline parked …`: what services could not handle, for whoever runs the instance. */
export const addParkedCommands = (program: Command, environment: Environment, ended: Ended): void => {
  const parked = program
    .command('parked')
    .description('events that a service could not handle, and what waits behind them');
  // A mistake in the call is not what a server said.
  parked.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? EXIT.done : EXIT.usage));
  const asked = ({ url, json = false }: Shared): Parked =>
    new Parked(connectionOf(environment, url), { answer: console.log, remark: console.error, json });
  const withShared = (command: Command): Command =>
    command
      .option('--url <url>', 'where the gateway is; by FOLDLINE_HOST and FOLDLINE_PORT when absent')
      .option('--json', 'answer as the API does');

  withShared(parked.command('ls'))
    .description('list the keys whose events wait')
    .option('--group <group>', 'only those of one service')
    .action(async ({ group, ...shared }: Shared & { group?: string }) => ended(await asked(shared).list(group)));
  withShared(parked.command('show <group> <key>'))
    .description('tell what is known of one key, with the event that could not be handled')
    .action(async (group: string, key: string, shared: Shared) => ended(await asked(shared).show(group, key)));
  withShared(parked.command('replay <group> <key>'))
    .description('hand the events of one key to their service again, in order')
    .action(async (group: string, key: string, shared: Shared) => ended(await asked(shared).replay(group, key)));
  withShared(parked.command('discard <group> <key>'))
    .description('give the events of one key up for good')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--yes', 'do it: there is no way back')
    .action(async (group: string, key: string, { reason, yes = false, ...shared }: Shared & Discard) =>
      ended(await asked(shared).discard(group, key, reason, yes)),
    );
};

type Discard = { reason: string; yes?: boolean };
