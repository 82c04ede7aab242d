import { chmod, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lintFiles, mendFiles } from './lint.ts';
import { rewrite } from './rewrite.ts';

let root: string;
const MAIN = 'ci.yml';
const at = (file: string): string => join(root, file);
const write = async (files: Readonly<Record<string, string>>): Promise<Map<string, string>> => {
  for (const [file, text] of Object.entries(files)) {
    await mkdir(dirname(at(file)), { recursive: true });
    await writeFile(at(file), text);
  }
  return new Map([[MAIN, files[MAIN]!]]);
};
const codes = (problems: readonly { code: string }[]): string[] => problems.map(({ code }) => code);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'foldline-lint-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

describe('Several definitions', () => {
  it('are linted together, and a file that both include tells its mistakes once', async () => {
    const job = 'include: shared.yml\na: {script: make, tmeout: 1m}\n';
    await write({ [MAIN]: job, 'other.yml': job, 'shared.yml': 'b: {script: make, wehn: always}\n' });
    const { problems } = await lintFiles(
      root,
      new Map([
        [MAIN, job],
        ['other.yml', job],
      ]),
    );
    expect(problems.map(({ file }) => file)).toEqual([MAIN, 'shared.yml', 'other.yml']);
  });
});

describe('What is not in the working copy', () => {
  it.each([
    'https://example.com/ci.yml',
    '[{ project: acme/library, file: ci.yml }]',
    '[{ component: acme/library/build@1 }]',
  ])('as %s is left out with a warning that says so', async (included) => {
    const definition = `include: ${included}\na: { script: make }\n`;
    const { problems } = await lintFiles(root, await write({ [MAIN]: definition }));
    expect(problems).toMatchObject([{ code: 'include-not-looked-up', severity: 'warning', file: MAIN, line: 1 }]);
  });

  it('may have what the definition lacks', async () => {
    const definition = 'include: [{ project: acme/library, file: ci.yml }]\na: { extends: .b, stage: ship }\n';
    const { problems } = await lintFiles(root, await write({ [MAIN]: definition }));
    expect(codes(problems)).toEqual(['include-not-looked-up']);
  });
});

describe('Mending', () => {
  const mend = async (files: Readonly<Record<string, string>>) => {
    const mended = await mendFiles(root, await write(files));
    await rewrite(root, mended.changes);
    return mended;
  };

  it('changes the definition and what it includes, and nothing else in them', async () => {
    const text = '\ufeffinclude: ci/more.yml\r\na: # first\r\n    scirpt:   make \t# why\r\n';
    const more = "b: {script: 'x', tmeout: 1m}  # last line";
    const { problems, fixed } = await mend({ [MAIN]: text, 'ci/more.yml': more });
    expect({ problems, fixed: codes(fixed) }).toEqual({ problems: [], fixed: ['unknown-keyword', 'unknown-keyword'] });
    expect(await readFile(at(MAIN), 'utf8')).toBe(text.replace('scirpt', 'script'));
    expect(await readFile(at('ci/more.yml'), 'utf8')).toBe(more.replace('tmeout', 'timeout'));
    expect(await readdir(root)).toEqual(['ci', MAIN]);
  });

  it('goes on with what is seen only then', async () => {
    const { problems, fixed } = await mend({ [MAIN]: 'a:\n  script: make\n  enviroment: {nmae: x}\n' });
    expect({ problems, fixed: fixed.length }).toEqual({ problems: [], fixed: 2 });
    expect(await readFile(at(MAIN), 'utf8')).toBe('a:\n  script: make\n  environment: {name: x}\n');
  });

  it('tells what is left', async () => {
    const { problems, fixed } = await mend({ [MAIN]: 'a: {scirpt: make, needs: [nobody-like-this]}' });
    expect([codes(fixed), codes(problems)]).toEqual([['unknown-keyword'], ['needs-missing-job']]);
  });

  it('makes no key that is there already', async () => {
    const text = 'a: {script: make, scirpt: make all}';
    const { problems, fixed } = await mend({ [MAIN]: text });
    expect([fixed, codes(problems)]).toEqual([[], ['unknown-keyword']]);
    expect(await readFile(at(MAIN), 'utf8')).toBe(text);
  });

  it('writes no file in which nothing was to mend', async () => {
    await write({ [MAIN]: 'a: {script: make}' });
    const { mtimeMs, ino } = await stat(at(MAIN));
    await mend({ [MAIN]: 'a: {script: make}' }).then(({ changes }) => expect(changes.size).toBe(0));
    expect((await stat(at(MAIN))).ino).toBe(ino);
    expect(mtimeMs).toBeGreaterThan(0);
  });

  it('keeps the rights of the file, and a link that leads to it', async () => {
    await write({ 'real.yml': 'a: {scirpt: make}', [MAIN]: '' });
    await rm(at(MAIN));
    await chmod(at('real.yml'), 0o640);
    await symlink('real.yml', at(MAIN));
    const { changes } = await mendFiles(root, new Map([[MAIN, 'a: {scirpt: make}']]));
    await rewrite(root, changes);
    expect(await readFile(at('real.yml'), 'utf8')).toBe('a: {script: make}');
    expect((await stat(at('real.yml'))).mode & 0o777).toBe(0o640);
  });

  it('writes nothing when one of the files has changed meanwhile', async () => {
    const definitions = await write({ [MAIN]: 'include: b.yml\na: {scirpt: make}', 'b.yml': 'b: {scirpt: make}' });
    const { changes } = await mendFiles(root, definitions);
    await writeFile(at('b.yml'), 'b: {scirpt: make all}');
    await expect(rewrite(root, changes)).rejects.toThrow('was changed meanwhile');
    expect(await readFile(at(MAIN), 'utf8')).toContain('scirpt');
  });

  it('writes nothing outside of the repository', async () => {
    const inner = join(root, 'repository');
    await mkdir(inner);
    await writeFile(at('outside.yml'), 'a: {scirpt: make}');
    await symlink('../outside.yml', join(inner, MAIN));
    const { changes } = await mendFiles(inner, new Map([[MAIN, 'a: {scirpt: make}']]));
    await expect(rewrite(inner, changes)).rejects.toThrow('is outside of the repository');
    expect(await readFile(at('outside.yml'), 'utf8')).toBe('a: {scirpt: make}');
  });
});
