import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { withPrograms } from '@foldline/testing';
import { limits } from '../limits.ts';
import { lint } from './lint.ts';
import { ShellReader } from './shell.ts';

const mistakes = (text: string) => new ShellReader().read(text)?.mistakes;

describe('A shell text', () => {
  it('has its mistakes where they begin', () =>
    expect(mistakes('echo "$(date')).toMatchObject([{ offset: 5 }, { offset: 6 }]));

  it('has the mistakes of what is inside, too', () => {
    expect(mistakes('echo "a $(if true) b"')).not.toEqual([]);
    expect(mistakes('echo `echo \\`if\\``')).toMatchObject([{ offset: 5 }, { offset: 5 }]);
  });

  const texts =
    `# only ¦ a && b ¦ a && ¦ | a ¦ if a; then b; fi ¦ if a; then b ¦ for x in; do y; done ¦ for x do y; done
    ¦ { a; } ¦ { a } ¦ ( a ) ¦ ( a ¦ a; ; b ¦ case a in esac ¦ case a in b) c esac ¦ f() { a; } ¦ f() { ¦ echo "a ¦ echo 'a
    ¦ echo \`a ¦ echo $(a ¦ echo \${a ¦ echo $((1 + 2)) ¦ a <<E\nE ¦ [[ a == b ]] ¦ [[ a == b ¦ a > b 2>&1 ¦ a > ¦ done ¦ fi
    ¦ else ¦ esac ¦ } ¦ ) ¦ ;; ¦ a & b & ¦ ! a ¦ while a; do b; done < c ¦ until a; do b; done ¦ time a ¦ a=(1 2) ¦ a=(1 2
    ¦ select x in y; do z; done ¦ coproc a { b; } ¦ ((a++)) ¦ ((a++) ¦ echo a#b ¦ function f { a; } ¦ a | b |& c
    ¦ diff <(a) <(b) ¦ <(a`.split(/\s+¦ /);
  const ofBash = (text: string): boolean => {
    // Without a prompt, bash says so of a text by its status alone.
    const { stderr } = spawnSync('bash', ['-n', '-c', text], { encoding: 'utf8', env: { LC_ALL: 'C' } });
    return !/syntax error|unexpected/.test(stderr);
  };
  withPrograms(['bash'], () => {
    it('is right when bash says so', () => {
      const wrong = texts.filter((text) => (mistakes(text)?.length === 0) !== ofBash(text));
      expect(wrong).toEqual([]);
    });
  });
});

describe('A hostile shell text', () => {
  const size = limits.fileBytes - 1024;
  const repeated = (unit: string): string => unit.repeat(Math.floor(size / unit.length));

  it.each(['$(', '"$(', '<(', '${', '$((', '`', '(', '{ ', 'if ', 'f() ', 'coproc ', '<<a ', '[[ ( ', 'a|'])(
    'of half a megabyte of `%s` is told, as wrong or as too much',
    (unit) => {
      const text = `a:\n  script: '${repeated(unit)}'\n`;
      expect(lint('f.yml', text)).toMatchObject([{ code: expect.stringMatching(/^shell-(syntax|unchecked)$/) }]);
    },
  );

  it('does not keep the jobs before it from being checked', () => {
    const text = `a: {script: 'echo "'}\nb: {script: '${'$('.repeat(200_000)}'}\n`;
    expect(lint('f.yml', text).map(({ code, line }) => [code, line])).toEqual([
      ['shell-syntax', 1],
      ['shell-unchecked', 2],
    ]);
  });

  it('of many commands is too much, too, though each is short', () => {
    const commands = Array.from({ length: 1500 }, (_, index) => `  - ${index} ${'$('.repeat(150)}`).join('\n');
    expect(lint('f.yml', `a:\n  script:\n${commands}\n`)).toMatchObject([{ code: 'shell-unchecked' }]);
  });
});
