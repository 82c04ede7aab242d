import { resolve } from 'node:path';
import { Command } from 'commander';
import { version } from '@foldline/host';
import { demo } from './demo/demo.ts';
import { verifyReplay } from './replay/verify-replay.ts';

const program = new Command('foldline')
  .description('Foldline: CI/CD whose whole state is a log of events')
  .version(version);
const dataDirectory = (): string => resolve(process.env['FOLDLINE_DATA_DIR'] ?? '.foldline');

program
  .command('demo')
  .description('take a push to a sample repository through the whole system')
  .action(async () => {
    process.exitCode = await demo(dataDirectory(), () => verifyReplay(dataDirectory(), console.log));
  });

program
  .command('replay')
  .description('rebuild every read model from the log beside the live one and compare them byte for byte')
  .requiredOption('--verify', 'compare, and change nothing')
  .action(async () => {
    process.exitCode = (await verifyReplay(dataDirectory(), console.log)) ? 0 : 1;
  });

try {
  await program.parseAsync();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
