import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { Command } from 'commander';
import { addDefinitionCommands } from './definition/definition.command.ts';
import { CommandFailure } from './command-failure.ts';
import { addParkedCommands } from './parked/parked.command.ts';
import { addSnapshotCommands } from './snapshot/snapshot.command.ts';

/** The release, as this package says. */
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('foldline')
  .description('Foldline: CI/CD whose whole state is a log of events')
  .version(version);
const dataDirectory = (): string => resolve(process.env['FOLDLINE_DATA_DIR'] ?? '.foldline');
/** What runs a server, or reaches those of the distributed mode, takes a second to load: only where it is used. */
const replaying = () => import('./replay/verify-replay.ts');

program
  .command('demo')
  .description('take a push to a sample repository through the whole system')
  .action(async () => {
    const { demo } = await import('./demo/demo.ts');
    process.exitCode = await demo(dataDirectory(), async () =>
      (await replaying()).verifyReplay(dataDirectory(), console.log),
    );
  });

program
  .command('replay')
  .description('rebuild every read model from the log beside the live one and compare them byte for byte')
  .requiredOption('--verify', 'compare, and change nothing')
  .action(async () => {
    const { verifyReplay, verifyReplayOfCluster } = await replaying();
    const isEqual =
      process.env['FOLDLINE_MODE'] === 'distributed'
        ? await verifyReplayOfCluster(process.env, console.log)
        : await verifyReplay(dataDirectory(), console.log);
    process.exitCode = isEqual ? 0 : 1;
  });

program
  .command('migrate')
  .description('copy a standalone data directory into the servers of the distributed mode, and compare')
  .requiredOption('--from <directory>', 'the data directory, which no server may be using')
  .action(async ({ from }: { from: string }) => {
    const { migrate } = await import('./migrate/migrate.ts');
    const isSame = await migrate(from, process.env, { say: console.log, progress: console.error });
    process.exitCode = isSame ? 0 : 1;
  });

// npm runs this in the folder of its own package.
const directory = process.env['INIT_CWD'] ?? process.cwd();
addDefinitionCommands(program, directory, (code) => {
  process.exitCode = code;
});
addParkedCommands(program, process.env, (code) => {
  process.exitCode = code;
});
addSnapshotCommands(program, directory, process.env, (code) => {
  process.exitCode = code;
});

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = error instanceof CommandFailure ? error.exitCode : 1;
}
