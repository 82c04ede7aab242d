// The whole test suite: `npm test`. Arguments go on to Jest. The last line says how many tests passed and failed;
// a suite that could not even start counts as one failure.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from './workspace.mjs';

const WORKERS = /^(?:-w|-i|--maxWorkers|--runInBand)(?:=|$)/;

const jest = (args, outputFile) =>
  spawnSync(
    process.execPath,
    [
      '--experimental-vm-modules',
      '--no-warnings=ExperimentalWarning',
      join(root, 'node_modules/jest/bin/jest.js'),
      '--json',
      `--outputFile=${outputFile}`,
      ...(args.some((argument) => WORKERS.test(argument)) ? [] : ['--maxWorkers=2']),
      ...args,
    ],
    // With --json Jest writes its report for people to standard error and the JSON to the file.
    { cwd: root, stdio: ['inherit', 'ignore', 'inherit'] },
  ).status;

const countsIn = (file) => {
  try {
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(readFileSync(file, 'utf8'));
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites };
  } catch (error) {
    process.stderr.write(`Jest left no result: ${error.message}\n`);
    return { passed: 0, failed: 1 };
  }
};

const directory = mkdtempSync(join(tmpdir(), 'foldline-test-'));
const outputFile = join(directory, 'result.json');
const status = jest(process.argv.slice(2), outputFile);
const { passed, failed } = countsIn(outputFile);
rmSync(directory, { recursive: true });
// Jest may fail without a failed test, for example when it finds none.
const counted = status === 0 ? failed : Math.max(1, failed);
process.stdout.write(`${passed} passed, ${counted} failed\n`);
process.exitCode = counted === 0 ? 0 : 1;
