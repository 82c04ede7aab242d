import { describe, expect, it } from '@jest/globals';
import { parseDotenv } from './dotenv.ts';

const parsed = (text: string | Buffer): Record<string, string> => parseDotenv(Buffer.from(text), 'build.env');

describe('A file with variables', () => {
  it.each([
    ['one on each line', 'A=1\nB=2\n', { A: '1', B: '2' }],
    ['a last line without an end', 'A=1\nB=2', { A: '1', B: '2' }],
    ['lines of Windows', 'A=1\r\nB=2\r\n', { A: '1', B: '2' }],
    ['more equals signs', 'URL=https://x.example/?a=b', { URL: 'https://x.example/?a=b' }],
    ['quotes, which are part of the value', `A="1"\nB='2'`, { A: '"1"', B: "'2'" }],
    ['dollar signs, which name nothing', 'A=$B$$', { A: '$B$$' }],
    ['nothing behind the sign', 'A=', { A: '' }],
    ['spaces around name and value', ' A = b c ', { A: 'b c' }],
    ['letters of other languages', 'A=Grüße', { A: 'Grüße' }],
    ['the same name twice, of which the last counts', 'A=1\nA=2', { A: '2' }],
    ['nothing at all', '', {}],
  ])('holds %s', (_what, text, variables) => expect(parsed(text)).toEqual(variables));

  it.each([
    ['a line without a sign', 'A=1\ntop-secret', 'build.env, line 2: this is not NAME=value'],
    ['an empty line', 'A=1\n\nB=2', 'build.env, line 2: an empty line is not allowed'],
    ['a comment', '# A=1', 'build.env, line 1: a comment is not allowed'],
    ['an exported variable', 'export A=1', 'build.env, line 1: a name has letters'],
    ['a name that begins with a digit', '1A=x', 'build.env, line 1: a name has letters'],
    ['no name', '=x', 'build.env, line 1: a name has letters'],
    ['a name that changes what programs do', 'A=1\nLD_PRELOAD=/tmp/x.so', 'build.env, line 2: LD_PRELOAD is reserved'],
    ['a name of the system', 'CI_COMMIT_SHA=x', 'build.env, line 1: CI_COMMIT_SHA is reserved'],
    ['a NUL', 'A=\0', 'build.env, line 1: a value has no NUL'],
    ['other bytes than UTF-8', Buffer.from([0x41, 0x3d, 0xff]), 'build.env is not UTF-8'],
  ])('is refused with %s', (_what, text, message) => expect(() => parsed(text)).toThrow(message));

  it('never tells what a line says', () => {
    expect(() => parsed('-----BEGIN KEY-----hunter2')).toThrow(/^(?!.*hunter2)/);
    expect(() => parsed('bad name hunter2=x')).toThrow(/^(?!.*hunter2)/);
  });
});
