import { describe, expect, it } from '@jest/globals';
import { unfoldShell } from './folded-shell.ts';

const unfold = (source: string): string | undefined => unfoldShell(source.split('\n'));

describe('A command over several lines without quotes', () => {
  it('gets its line breaks back when folding breaks an if', () =>
    expect(unfold('if [ -f a ]; then\n    make a\n  else\n    make b\n  fi')).toBe(
      'if [ -f a ]; then\n  make a\nelse\n  make b\nfi',
    ));

  it('gets its line breaks back when folding breaks a loop', () =>
    expect(unfold('for f in *; do\n    echo $f\n  done')).toBe('for f in *; do\n  echo $f\ndone'));

  it('stays folded when the lines end with semicolons', () =>
    expect(unfold('if [ -f a ]; then\n  make a;\n  fi')).toBeUndefined());

  it('stays folded when it is one command with options on further lines', () =>
    expect(unfold('docker build\n  --tag x\n  --done y\n  .')).toBeUndefined());

  it('stays folded when a program only begins with a keyword', () =>
    expect(unfold('run\n  do-release\n  fi.txt')).toBeUndefined());

  it('keeps a continued command in one line', () =>
    expect(unfold('if true; then\n    docker build\n      --tag x\n  fi')).toBe(
      'if true; then\n  docker build --tag x\nfi',
    ));
});
