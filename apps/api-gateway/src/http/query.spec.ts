import { describe, expect, it } from '@jest/globals';
import { parseQuery } from './query.ts';

describe('A query', () => {
  it.each([
    ['', {}],
    ['a=1&b=x+y%26', { a: '1', b: 'x y&' }],
    ['a=1&a=2&a=3', { a: ['1', '2', '3'] }],
    ['v[A]=1&v[B]=a%3Db&v%5BC%5D=', { v: { A: '1', B: 'a=b', C: '' } }],
    ['v[A]=1&v[A]=2', { v: { A: ['1', '2'] } }],
    ['v=x&v[A]=1', { v: 'x', 'v[A]': '1' }],
    ['v[A]=1&v=x', { v: [{ A: '1' }, 'x'] }],
    ['v[]=1&v[a][b]=2&[x]=3', { 'v[]': '1', 'v[a][b]': '2', '[x]': '3' }],
  ])('%j is read as what it says', (text, query) => {
    expect(JSON.parse(JSON.stringify(parseQuery(text)))).toEqual(query);
  });

  it.each(['__proto__', 'constructor', 'prototype'])('reaches no prototype by %s', (name) => {
    const query = parseQuery(`v[${name}]=x&v[${name}]=y&${name}=z`);
    expect(Object.keys(query).toSorted()).toEqual([name, `v[${name}]`].toSorted());
    expect({}).not.toHaveProperty('x');
  });
});
