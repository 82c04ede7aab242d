import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  ProjectRegistered,
  SecretStored,
  VariableRemoved,
  VariableSet,
  type NewEvent,
  type ProjectDoc,
} from '@foldline/contracts';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';
import { canonicalUrl, urlIndexPrefix } from './repository-url.ts';

const registered = ProjectRegistered({
  projectId: 'pr1',
  owner: 'Ada',
  name: 'Engine',
  url: 'https://forge.example/ada/engine.git',
  defaultBranch: 'main',
});
const set = (key: string, sealed: string) =>
  VariableSet({ projectId: 'pr1', key, sealed, protected: true, masked: false });
const after = (...events: NewEvent[]): ProjectDoc => documentAfter<ProjectDoc>(COLLECTION.projects, 'pr1', ...events)!;

describe('a project document', () => {
  it('shows what was registered', () => {
    expect(after(registered)).toMatchObject({
      owner: 'Ada',
      defaultBranch: 'main',
      registeredAt: timeAt(1),
      variables: [],
    });
  });

  it('holds the newest sealed value of each variable', () => {
    expect(after(registered, set('A', '1'), set('B', '2'), set('A', '3')).variables).toEqual([
      { key: 'B', sealed: '2', protected: true, masked: false },
      { key: 'A', sealed: '3', protected: true, masked: false },
    ]);
    expect(after(registered, set('A', '1'), VariableRemoved({ projectId: 'pr1', key: 'A' })).variables).toEqual([]);
  });

  it('holds the variables of one key for several environments', () => {
    const live = VariableSet({
      projectId: 'pr1',
      key: 'A',
      sealed: 'live',
      protected: false,
      masked: true,
      scope: 'live',
    });
    const removed = (scope?: string) => VariableRemoved({ projectId: 'pr1', key: 'A', ...(scope && { scope }) });
    const sealedOf = (...events: NewEvent[]) => after(registered, ...events).variables.map(({ sealed }) => sealed);
    expect(sealedOf(set('A', '1'), live, set('A', '2'))).toEqual(['live', '2']);
    expect(sealedOf(set('A', '1'), live, removed())).toEqual(['live']);
    expect(sealedOf(set('A', '1'), live, removed('live'))).toEqual(['1']);
  });

  it('holds the newest sealed value of each path of its vault', () => {
    const stored = (sealed: string) => SecretStored({ projectId: 'pr1', path: 'production/key', sealed });
    expect(after(registered, stored('1'), stored('2')).secrets).toEqual([{ path: 'production/key', sealed: '2' }]);
  });

  it('is found by its name whatever its case, and by every spelling of its address', () => {
    const { byName, byUrl } = indexesOf(COLLECTION.projects, after(registered));
    expect(byName).toBe('ada/engine');
    expect(byUrl).toBe('forge.example/ada/engine pr1');
    expect(byUrl!.startsWith(urlIndexPrefix('git@forge.example:Ada/Engine.git'))).toBe(true);
  });
});

describe('the canonical address of a repository', () => {
  it.each([
    ['https://forge.example/ada/engine.git'],
    ['https://forge.example/ada/engine/'],
    ['ssh://git@forge.example:2222/ada/engine'],
    ['git@forge.example:ada/engine.git'],
    ['forge.example:ada/engine'],
  ])('is the same for %s', (url) => expect(canonicalUrl(url)).toBe('forge.example/ada/engine'));

  it('leaves local paths alone', () => expect(canonicalUrl('/repos/Engine.git')).toBe('/repos/Engine.git'));
  it('keeps different repositories apart', () =>
    expect(canonicalUrl('https://forge.example/ada/engine2')).not.toBe(
      canonicalUrl('https://forge.example/ada/engine'),
    ));
});
