import { describe, expect, it } from '@jest/globals';
import { stepScript } from './step-script.ts';

describe('The script of a step', () => {
  const commands = ["echo 'it is'", 'if true; then\n  make\nfi', '', 'done\r\nmore'];
  const { text, starts } = stepScript('set -e', commands);

  it('says where each command begins', () =>
    expect(starts.map((start, index) => text.slice(start, start + commands[index]!.length))).toEqual(commands));

  it('has the commands as they are, each behind a line that shows how it begins', () =>
    expect(text).toBe(
      [
        'exec 2>&1',
        'set -e',
        String.raw`printf '\033[32;1m$ %s\033[0;m\n' 'echo '\''it is'\'''`,
        "echo 'it is'",
        String.raw`printf '\033[32;1m$ %s\033[0;m\n' 'if true; then'`,
        'if true; then\n  make\nfi',
        String.raw`printf '\033[32;1m$ %s\033[0;m\n' ''`,
        '',
        String.raw`printf '\033[32;1m$ %s\033[0;m\n' 'done'`,
        'done\r\nmore',
        '',
      ].join('\n'),
    ));
});
