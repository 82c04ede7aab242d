import { describe, expect, it } from '@jest/globals';
import { changedOutside } from './changed-outside.ts';

const ROOT = '/root';
const changed = (...paths: string[]): string | undefined => changedOutside(paths.map((Path) => ({ Path })));

describe('What steps have changed in a container outside of the workspace', () => {
  it('is what they have installed', () => {
    expect(changed('/usr', '/usr/local', '/usr/local/bin', '/usr/local/bin/tool')).toBe('/usr/local/bin/tool');
  });

  it.each([['/builds'], ['/tmp', '/tmp/x'], ['/root', `${ROOT}/.cache`, `${ROOT}/.cache/pip`], ['/run/lock']])(
    'is not what nobody needs later (%s)',
    (...paths) => expect(changed(...paths)).toBeUndefined(),
  );

  it('is what a tool remembers in the home directory', () => {
    expect(changed('/home', '/home/user', '/home/user/.npm', '/home/user/.npm/log', '/home/user/.npmrc')).toBe(
      '/home/user/.npmrc',
    );
  });

  it('is not what only begins like a place that is left alone', () => {
    expect(changed('/tmpfiles')).toBe('/tmpfiles');
  });

  it('is a directory that was removed', () => {
    expect(changed('/opt', '/opt/tool')).toBe('/opt/tool');
  });
});
