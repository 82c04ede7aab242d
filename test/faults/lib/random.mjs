import { createHash } from 'node:crypto';

/** Numbers that the same seed and purpose always give (mulberry32). One per purpose: what others draw changes nothing. */
export const createRandom = (seed, purpose) => {
  let state = createHash('sha256').update(`${seed}/${purpose}`).digest().readUInt32LE(0);
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least, most) => least + Math.floor(next() * (most - least + 1));
  return {
    between,
    below: (count) => between(0, count - 1),
    chance: (probability) => next() < probability,
    pick: (list) => list[between(0, list.length - 1)],
    id: () => Array.from({ length: 24 }, () => '0123456789abcdef'[between(0, 15)]).join(''),
  };
};
