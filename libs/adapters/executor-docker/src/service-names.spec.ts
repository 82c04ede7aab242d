import { describe, expect, it } from '@jest/globals';
import { namesFromImage } from './service-names.ts';

describe('The names of a service', () => {
  it.each([
    ['postgres', ['postgres']],
    ['postgres:17', ['postgres']],
    ['tutum/wordpress:latest', ['tutum__wordpress', 'tutum-wordpress']],
    ['r.example.com:4999/a/db@sha256:00', ['r.example.com__a__db', 'r.example.com-a-db']],
  ])('of %s are %j', (image, names) => expect(namesFromImage(image)).toEqual(names));
});
