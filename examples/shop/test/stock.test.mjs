import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inStock } from '../dist/shop.mjs';

test('there is only one cake', () => {
  assert.equal(inStock('cake', 1), true);
  assert.equal(inStock('cake', 2), false);
});
