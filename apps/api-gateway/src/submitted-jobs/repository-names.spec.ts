import { describe, expect, it } from '@jest/globals';
import { namesOfRepository } from './repository-names.ts';

describe('The project of a repository that nobody has named', () => {
  it.each([
    ['https://forge.example/ada/engine.git', 'ada', 'engine'],
    ['https://forge.example/ada/engine/', 'ada', 'engine'],
    ['git@forge.example:ada/engine.git', 'ada', 'engine'],
    ['ssh://git@forge.example/groups/ada/engine', 'ada', 'engine'],
    ['/srv/git/ada/engine.git', 'ada', 'engine'],
  ])('is called by the end of its address: %s', (url, owner, name) =>
    expect(namesOfRepository(url)).toEqual({ owner, name }),
  );

  it('has only what a name may hold: no other character, no dot at its beginning, not too many of them', () => {
    expect(namesOfRepository('/srv/ada byron/.engine++')).toEqual({ owner: 'ada-byron', name: 'engine-' });
    expect(namesOfRepository(`/ada/${'x'.repeat(300)}`).name).toHaveLength(100);
  });

  it('has no name where the address has none, which registering refuses', () =>
    expect(namesOfRepository('')).toEqual({ owner: '', name: '' }));
});
