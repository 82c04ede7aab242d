import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { createMasker, textMasker } from './secret-masker.ts';

const mask = (secrets: string[], chunks: (string | Buffer)[]): string => {
  const masker = createMasker(secrets);
  const shown = chunks.map((chunk) => masker.push(Buffer.from(chunk)));
  return Buffer.concat([...shown, masker.end()]).toString('utf8');
};

describe('Secret masker', () => {
  it('hides a secret in the middle of a line', () => {
    expect(mask(['hunter22'], ['the password is hunter22, keep it\n'])).toBe('the password is [masked], keep it\n');
  });

  it('hides a secret that is cut at any place, and one that begins again inside itself', () => {
    for (const secret of ['s3cs3cret', 'aaaaab', 'abcabcabd']) {
      const text = `x${secret.slice(0, 4)}${secret}y${secret}`;
      for (let cut = 0; cut <= text.length; cut += 1) {
        for (let second = cut; second <= text.length; second += 1) {
          const shown = mask([secret], [text.slice(0, cut), text.slice(cut, second), text.slice(second)]);
          expect(shown).not.toContain(secret);
          expect(shown.match(/\[masked\]/g)).toHaveLength(2);
        }
      }
    }
  });

  it('shows at once what cannot be part of a secret', () => {
    const masker = createMasker(['hunter22']);
    expect(masker.push(Buffer.from('building\n')).toString()).toBe('building\n');
    expect(masker.push(Buffer.from('a hunt')).toString()).toBe('a ');
    expect(masker.push(Buffer.from(' begins\n')).toString()).toBe('hunt begins\n');
  });

  it('hides overlapping secrets as one', () => {
    expect(mask(['abcdef', 'defghi'], ['-abcdefghi-'])).toBe('-[masked]-');
  });

  it.each([
    [
      'base64 at every alignment',
      (secret: string, before: string) => Buffer.from(before + secret + '!').toString('base64'),
    ],
    ['hex', (secret: string, before: string) => Buffer.from(before + secret).toString('hex')],
    ['a URL', (secret: string, before: string) => encodeURIComponent(before + secret)],
    ['JSON', (secret: string, before: string) => JSON.stringify(before + secret)],
  ])('hides a secret written as %s', (_form, encode) => {
    const secret = 'p@ss"w/rd & mo+re';
    for (const before of ['', 'x', 'xy']) {
      const shown = mask([secret], [encode(secret, before)]);
      expect(shown).toContain('[masked]');
      expect(Buffer.from(shown, 'base64').toString('latin1')).not.toContain('w/rd & mo');
    }
  });

  it('hides each line of a secret that has several', () => {
    expect(mask(['first-line\nsecond-line'], ['only second-line here'])).toBe('only [masked] here');
  });

  it('leaves the output alone when there is nothing to hide', () => {
    const chunk = Buffer.from('plain');
    expect(createMasker([]).push(chunk)).toBe(chunk);
  });

  it('never shows a secret and never changes anything else, however the output is cut', () => {
    const letters = fc.constantFrom('a', 'b', 's', '3', 'c');
    const secret = fc.string({ unit: letters, minLength: 4, maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(secret, { minLength: 1, maxLength: 4 }),
        fc.array(fc.string({ unit: letters, maxLength: 12 }), { maxLength: 12 }),
        (secrets, chunks) => {
          const whole = chunks.join('');
          const shown = mask(secrets, chunks);
          for (const secret of secrets) expect(shown.replaceAll('[masked]', '\u0000')).not.toContain(secret);
          if (!secrets.some((secret) => whole.includes(secret)))
            expect(shown.includes('[masked]') || shown === whole).toBe(true);
          expect(shown).toBe(mask(secrets, [whole]));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe('Text masker', () => {
  it('hides a secret in one text after the other', () => {
    const hide = textMasker(['hunter22']);
    expect(['build-hunter22', 'plain', 'hunter22'].map(hide)).toEqual(['build-[masked]', 'plain', '[masked]']);
  });

  it('does not join the end of one text and the beginning of the next', () => {
    const hide = textMasker(['hunter22']);
    expect(['hunter', '22'].map(hide)).toEqual(['hunter', '22']);
  });
});
