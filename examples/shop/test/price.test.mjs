import assert from 'node:assert/strict';
import { test } from 'node:test';
import { priceOf } from '../dist/shop.mjs';

test('bread has a price in cents', () => {
  assert.equal(priceOf('bread'), 320);
});
