import { describe, expect, it } from '@jest/globals';
import { inEnvironment, variableSeal } from './environment-scope.ts';

const scopesIn = (environment: string | undefined, ...scopes: (string | undefined)[]): (string | undefined)[] =>
  inEnvironment(
    scopes.map((scope) => ({ key: 'A', ...(scope !== undefined && { scope }) })),
    ({ key }) => key,
    environment,
  ).map(({ scope }) => scope);

describe('Variables of environments', () => {
  it.each([
    ['production', 'production', true],
    ['production', 'Production', false],
    ['production', 'production/1', false],
    ['review/*', 'review/main', true],
    ['review/*', 'review/', true],
    ['review/*', 'review', false],
    ['*/eu', 'live/eu', true],
    ['a*b*c', 'a-b-c', true],
    ['a*b*c', 'ac', false],
    ['a*bc*c', 'abc', false],
    ['ab*ba', 'aba', false],
    ['**', 'x', true],
    ['re.iew/*', 'review/main', false],
    ['', 'x', false],
  ])('of the scope %j in %j: %s', (scope, environment, isThere) => {
    expect(scopesIn(environment, scope)).toEqual(isThere ? [scope] : []);
  });

  it('are for every job without a scope, and with `*`', () => {
    expect(scopesIn(undefined, undefined)).toEqual([undefined]);
    expect(scopesIn(undefined, '*', 'review/*', 'x*')).toEqual(['*']);
  });

  it('are those of the closest scope, whatever their order', () => {
    const scopes = ['*', 'review/*', 'review/main', 'r*', undefined];
    expect(scopesIn('review/main', ...scopes)).toEqual(['review/main']);
    expect(scopesIn('review/other', ...scopes.toReversed())).toEqual(['review/*']);
    expect(scopesIn('ready', ...scopes)).toEqual(['r*']);
    expect(scopesIn('live', ...scopes)).toEqual(['*']);
  });

  it('are matched in no time, however many stars there are', () => {
    const scope = `${'a*'.repeat(120)}b`;
    expect(scopesIn('a'.repeat(255), scope)).toEqual([]);
  });

  it('are sealed for their scope, and without one as they always were', () => {
    expect(variableSeal('p', 'KEY')).toBe('project:p:variable:KEY');
    expect(variableSeal('p', 'KEY', '*')).toBe('project:p:variable:KEY');
    expect(variableSeal('p', 'KEY', 'live')).toBe('project:p:variable:KEY@live');
  });
});
