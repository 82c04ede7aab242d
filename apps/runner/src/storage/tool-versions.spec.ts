import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@foldline/testing';
import { ToolVersions } from './tool-versions.ts';

let directory: string;
let clock: ManualClock;
let tools: ToolVersions;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-tools-'));
  clock = new ManualClock();
  tools = new ToolVersions(clock, { PATH: `${directory}:/bin` });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const install = (program: string, script: string): void => {
  writeFileSync(join(directory, program), `#!/bin/sh\n${script}\n`);
  chmodSync(join(directory, program), 0o755);
};
const version = async (): Promise<string> => (await tools.platformOf('java', undefined)).replace(/^.*-/, '');

describe('what a tool leaves fits', () => {
  it.each([
    ['echo openjdk 17.0.9 2023-10-17', 'java17.0'],
    ['echo \'openjdk version "21.0.1"\' >&2', 'java21.0'],
    ['echo 11.0.2; exit 1', 'java11.0'],
    ['echo no version', 'javanone'],
    ['exit 1', 'javanone'],
  ])('the version that it tells: %s', async (script, fits) => {
    install('java', script);
    expect(await version()).toBe(fits);
  });

  it('this platform, in the words of programs that are made for several', async () => {
    expect(await tools.platformOf('java', undefined)).toMatch(/^linux\/(amd64|arm64)-java/);
  });

  it('the image that a job runs in, whatever is installed here', async () => {
    install('java', 'echo 17.0.9');
    expect(await tools.platformOf('java', 'eclipse-temurin:21')).toMatch(/^linux\/\w+-eclipse-temurin:21$/);
  });

  it('nothing where the tool is not there', async () => {
    tools = new ToolVersions(clock, { PATH: directory });
    expect(await version()).toBe('javanone');
  });

  it('the version that is installed now, after a minute at most', async () => {
    install('java', 'echo 17.0.9');
    await version();
    install('java', 'echo 21.0.1');
    expect(await version()).toBe('java17.0');
    clock.advance(60_000);
    expect(await version()).toBe('java21.0');
  });
});
