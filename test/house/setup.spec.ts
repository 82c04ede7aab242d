import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { root } from '../../scripts/workspace.mjs';

type Package = Readonly<Record<string, unknown>>;
type Packages = Readonly<Record<string, Package>>;

const LOCKED: Packages = {
  '': { name: 'app', version: '0.1.0' },
  'apps/runner': { version: '0.1.0', dependencies: { left: '1.0.0' } },
  'node_modules/@app/runner': { resolved: 'apps/runner', link: true },
  'node_modules/left': { version: '1.0.0', resolved: 'https://npm.example/left.tgz', integrity: 'sha512-left' },
  'node_modules/left/node_modules/right': { version: '2.0.0', integrity: 'sha512-right' },
  'node_modules/for-another-system': { version: '3.0.0', integrity: 'sha512-other', optional: true, os: ['aix'] },
};
/** What npm says that it has installed: no root, and nothing for other systems. */
const installedFrom = ({ '': _root, 'node_modules/for-another-system': _other, ...rest }: Packages): Packages => rest;

describe('npm run setup', () => {
  let workspace: string;
  beforeEach(() => {
    workspace = mkdtempSync(join(tmpdir(), 'foldline-setup-'));
    for (const folder of ['apps', 'libs/adapters', 'bin']) mkdirSync(join(workspace, folder), { recursive: true });
    cpSync(join(root, 'scripts'), join(workspace, 'scripts'), { recursive: true });
    write('tsconfig.json', '');
    write('scripts/bundle.mjs', '');
    write('node_modules/typescript/bin/tsc', '');
    write('bin/npm', `#!/bin/sh\necho "$@" >> "${join(workspace, 'installs')}"\n`);
    chmodSync(join(workspace, 'bin/npm'), 0o755);
  });
  afterEach(() => rmSync(workspace, { recursive: true, force: true }));

  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(workspace, path)), { recursive: true });
    writeFileSync(join(workspace, path), text);
  };
  /** The lock file is newer than what is installed, as after a checkout. */
  const given = (locked: Packages, installed?: Packages): void => {
    if (installed) write('node_modules/.package-lock.json', JSON.stringify({ packages: installed }));
    else rmSync(join(workspace, 'node_modules'), { recursive: true });
    write('package-lock.json', JSON.stringify({ packages: locked }));
    const later = new Date(Date.now() + 60_000);
    utimesSync(join(workspace, 'package-lock.json'), later, later);
  };
  const setup = (...args: string[]): { code: number | null; installs: string; said: string } => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(workspace, 'scripts/setup.mjs'), ...args], {
      env: { PATH: `${join(workspace, 'bin')}:${process.env['PATH'] ?? ''}` },
      encoding: 'utf8',
    });
    expect(stdout).toBe('');
    const installs = join(workspace, 'installs');
    return { code: status, installs: existsSync(installs) ? readFileSync(installs, 'utf8') : '', said: stderr };
  };

  it('leaves alone what is installed already, however new the lock file is', () => {
    given(LOCKED, installedFrom(LOCKED));
    expect(setup()).toMatchObject({ code: 0, installs: '' });
  });

  it('leaves alone what is installed when only a project of the workspace asks for other things that are there', () => {
    const changed = { ...LOCKED, 'apps/runner': { version: '0.1.0', dependencies: { left: '1.0.0', right: '2.0.0' } } };
    given(changed, installedFrom(LOCKED));
    expect(setup()).toMatchObject({ code: 0, installs: '' });
  });

  const { 'node_modules/left/node_modules/right': _right, ...withoutOne } = LOCKED;
  const different: [string, Packages][] = [
    ['another version', { ...LOCKED, 'node_modules/left': { version: '1.0.1', integrity: 'sha512-left' } }],
    ['other bytes', { ...LOCKED, 'node_modules/left': { version: '1.0.0', integrity: 'sha512-other' } }],
    ['one more', { ...LOCKED, 'node_modules/new': { version: '1.0.0', integrity: 'sha512-new' } }],
    ['one less', withoutOne],
    ['a project elsewhere', { ...LOCKED, 'node_modules/@app/runner': { resolved: 'apps/walker', link: true } }],
  ];

  it.each(different)('installs when the lock file names %s, and once', (_what, locked) => {
    given(locked, installedFrom(LOCKED));
    expect(setup()).toMatchObject({ code: 0, installs: 'ci --ignore-scripts --loglevel=error\n' });
    expect(setup().installs.split('\n')).toHaveLength(2);
  });

  it('installs when what was installed is not known, for npm was killed', () => {
    given(LOCKED, {});
    writeFileSync(join(workspace, 'node_modules/.package-lock.json'), '{"packages": {"node_modu');
    expect(setup().installs).toBe('ci --ignore-scripts --loglevel=error\n');
  });

  describe('before a command that looks at what runs', () => {
    it.each(different)('takes nothing from under it when the lock file names %s', (_what, locked) => {
      given(locked, installedFrom(LOCKED));
      const { code, installs, said } = setup('--keep-modules');
      expect({ code, installs }).toEqual({ code: 1, installs: '' });
      expect(said).toMatch(/^node_modules is not what package-lock\.json says\. .* `npm run setup`/);
    });

    it('is done where all is as it should be', () => {
      given(LOCKED, installedFrom(LOCKED));
      expect(setup('--keep-modules')).toMatchObject({ code: 0, installs: '' });
    });

    it('installs where nothing is installed, for then nothing can run', () => {
      given(LOCKED);
      expect(setup('--keep-modules').installs).toBe('ci --ignore-scripts --loglevel=error\n');
    });

    it('is what `npm run foldline` does', () => {
      const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
        scripts: Record<string, string>;
      };
      expect(scripts['foldline']).toContain('scripts/setup.mjs --keep-modules &&');
    });
  });
});
