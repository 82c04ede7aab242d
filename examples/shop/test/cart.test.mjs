import assert from 'node:assert/strict';
import { test } from 'node:test';
import { totalOf } from '../dist/shop.mjs';

test('a cart costs what its articles cost', () => {
  assert.equal(
    totalOf([
      { article: 'bread', count: 2 },
      { article: 'roll', count: 5 },
    ]),
    940,
  );
});
