// The whole test suite: `npm test`. Arguments go on to Jest. The last line says how many tests passed and failed;
// a suite that could not even start counts as one failure. FOLDLINE_TEST_SKIPPED names a file for the paths of the
// suites in which a test was skipped.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

const isSkipped = ({ status }) => status === 'pending';

const countsIn = (file) => {
  try {
    const report = JSON.parse(readFileSync(file, 'utf8'));
    const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, testResults } = report;
    const skipped = testResults.filter(({ assertionResults }) => assertionResults.some(isSkipped));
    return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, skipped };
  } catch (error) {
    process.stderr.write(`Jest left no result: ${error.message}\n`);
    return { passed: 0, failed: 1, skipped: [] };
  }
};

const directory = mkdtempSync(join(tmpdir(), 'foldline-test-'));
const outputFile = join(directory, 'result.json');
const status = jest(process.argv.slice(2), outputFile);
const { passed, failed, skipped } = countsIn(outputFile);
const { FOLDLINE_TEST_SKIPPED } = process.env;
if (FOLDLINE_TEST_SKIPPED) writeFileSync(FOLDLINE_TEST_SKIPPED, skipped.map(({ name }) => `${name}\n`).join(''));
rmSync(directory, { recursive: true });
// Jest may fail without a failed test, for example when it finds none.
const counted = status === 0 ? failed : Math.max(1, failed);
process.stdout.write(`${passed} passed, ${counted} failed\n`);
process.exitCode = counted === 0 ? 0 : 1;
