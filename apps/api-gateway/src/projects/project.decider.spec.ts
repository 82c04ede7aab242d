import { describe, expect, it } from '@jest/globals';
import {
  ProjectRegistered,
  ResourceGroupConfigured,
  SecretStored,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  VariableRemoved,
  VariableSet,
} from '@foldline/contracts';
import { givenWhenThen } from '@foldline/testing';
import { isName, isOwner, projectIdOf } from './project-names.ts';
import { MAX_RESOURCE_GROUPS, MAX_VARIABLES, projectDecider } from './project.decider.ts';

const given = givenWhenThen(projectDecider);
const project = {
  projectId: 'pr1',
  owner: 'ada',
  name: 'engine',
  url: 'https://forge.example/ada/engine',
  defaultBranch: 'main',
};
const registered = ProjectRegistered(project);
const register = { type: 'RegisterProject', ...project } as const;
const variable = { projectId: 'pr1', key: 'API_KEY', sealed: 'v1.x', protected: true, masked: true };
const subscription = {
  subscriptionId: 's1',
  projectId: 'pr1',
  channel: { kind: 'slack' as const, sealedUrl: 'v1.y', host: 'hooks.example' },
  on: ['failed' as const],
};

describe('a project', () => {
  it('is registered', () => given().when(register).then(registered));
  it('is registered once, however often it is asked for', () => given(registered).when(register).thenNothing());
  it('keeps its name from being used for another repository', () =>
    given(registered)
      .when({ ...register, url: 'https://forge.example/bob/other' })
      .thenRefused('project_exists'));
  it.each(['v1', 'API', 'admin', '.hidden', 'a/b', '..', '', 'x'.repeat(101), 'späß'])(
    'refuses the owner "%s"',
    (owner) =>
      given()
        .when({ ...register, owner })
        .thenRefused('invalid_name'),
  );
  it('refuses names that are no names', () =>
    given()
      .when({ ...register, name: '../etc' })
      .thenRefused('invalid_name'));

  it('does nothing before it is registered', () => {
    given()
      .when({ type: 'SetVariable', ...variable })
      .thenRefused('not_found');
    given().when({ type: 'StoreSecret', projectId: 'pr1', path: 'p', sealed: 's' }).thenRefused('not_found');
  });

  it('sets and replaces a variable', () => {
    given(registered)
      .when({ type: 'SetVariable', ...variable })
      .then(VariableSet(variable));
    given(registered, VariableSet(variable))
      .when({ type: 'SetVariable', ...variable })
      .then(VariableSet(variable));
  });

  it('removes a variable that it has', () => {
    const remove = { type: 'RemoveVariable', projectId: 'pr1', key: 'API_KEY' } as const;
    given(registered, VariableSet(variable))
      .when(remove)
      .then(VariableRemoved({ projectId: 'pr1', key: 'API_KEY' }));
    given(registered).when(remove).thenRefused('not_found');
  });

  describe('with a variable for one environment beside that of all', () => {
    const live = { ...variable, scope: 'live', sealed: 'v1.live' };
    const both = given(registered, VariableSet(variable), VariableSet(live));
    const asked = { projectId: 'pr1', key: 'API_KEY' };

    it('removes the one that is meant, and refuses to guess', () => {
      both.when({ type: 'RemoveVariable', ...asked }).thenRefused('several_variables');
      both.when({ type: 'RemoveVariable', ...asked, scope: 'live' }).then(VariableRemoved({ ...asked, scope: 'live' }));
      both.when({ type: 'RemoveVariable', ...asked, scope: '*' }).then(VariableRemoved(asked));
      both.when({ type: 'RemoveVariable', ...asked, scope: 'elsewhere' }).thenRefused('not_found');
    });

    it('removes the only one there is, whatever its scope', () =>
      given(registered, VariableSet(live))
        .when({ type: 'RemoveVariable', ...asked })
        .then(VariableRemoved({ ...asked, scope: 'live' })));

    it('changes what it is told to change, and nothing else', () => {
      const change = { type: 'ChangeVariable', ...asked, sealed: 'v1.new' } as const;
      both.when({ ...change, scope: 'live' }).then(VariableSet({ ...live, sealed: 'v1.new' }));
      both.when({ ...change, scope: '*', file: true, expand: true, protected: false, description: 'Mine' }).then(
        VariableSet({
          ...variable,
          sealed: 'v1.new',
          protected: false,
          kind: 'file',
          expand: true,
          description: 'Mine',
        }),
      );
      both.when({ ...change, scope: '*', maskProblem: 'too short' }).thenRefused('not_maskable');
      both
        .when({ ...change, scope: '*', maskProblem: 'too short', masked: false })
        .then(VariableSet({ ...variable, sealed: 'v1.new', masked: false }));
    });

    it('takes traits back', () => {
      const fancy = VariableSet({ ...variable, kind: 'file', expand: true, description: 'Mine' });
      const back = { file: false, expand: false, description: '' };
      given(registered, fancy)
        .when({ type: 'ChangeVariable', ...asked, sealed: 'v1.new', ...back })
        .then(VariableSet({ ...variable, sealed: 'v1.new' }));
    });

    it('keeps a hidden one masked', () => {
      const hidden = given(registered, VariableSet({ ...variable, hidden: true }));
      const change = { type: 'ChangeVariable', ...asked, sealed: 'v1.new' } as const;
      hidden.when({ ...change, masked: false }).thenRefused('invalid_variable');
      hidden.when(change).then(VariableSet({ ...variable, sealed: 'v1.new', hidden: true }));
    });
  });

  it('has a limited number of variables', () => {
    const full = Array.from({ length: MAX_VARIABLES }, (_, n) => VariableSet({ ...variable, key: `KEY_${n}` }));
    given(registered, ...full)
      .when({ type: 'SetVariable', ...variable })
      .thenRefused('limit_reached');
    given(registered, ...full)
      .when({ type: 'SetVariable', ...variable, key: 'KEY_0' })
      .then(VariableSet({ ...variable, key: 'KEY_0' }));
  });

  it('stores a secret', () => {
    const secret = { projectId: 'pr1', path: 'production/key', sealed: 'v1.z' };
    given(registered)
      .when({ type: 'StoreSecret', ...secret })
      .then(SecretStored(secret));
  });

  it('requests a subscription once and its removal once', () => {
    const requested = SubscriptionRequested(subscription);
    const ask = { type: 'RequestSubscription', ...subscription } as const;
    const about = { subscriptionId: 's1', projectId: 'pr1' };
    const remove = { type: 'RequestSubscriptionRemoval', ...about } as const;
    given(registered).when(ask).then(requested);
    given(registered, requested).when(ask).thenNothing();
    given(registered, requested).when(remove).then(SubscriptionRemovalRequested(about));
    given(registered, requested, SubscriptionRemovalRequested(about)).when(remove).thenRefused('not_found');
  });
});

describe('names of projects', () => {
  it('are compared without case', () => expect(projectIdOf('Ada', 'Engine')).toBe(projectIdOf('ada', 'engine')));
  it('never run into each other', () => expect(projectIdOf('a', 'bc')).not.toBe(projectIdOf('ab', 'c')));
  it('may be reserved as owner and free as repository', () => {
    expect(isOwner('docs')).toBe(false);
    expect(isName('docs')).toBe(true);
  });
});

describe('the order of a resource group', () => {
  const ordered = (group: string) => ({ projectId: 'pr1', group, processMode: 'oldest_first' as const });
  const configure = (group: string) => ({ type: 'ConfigureResourceGroup' as const, ...ordered(group) });

  it('is recorded when it is another one', () =>
    given(registered)
      .when(configure('production'))
      .then(ResourceGroupConfigured(ordered('production'))));
  it('is not recorded again', () =>
    given(registered, ResourceGroupConfigured(ordered('production')))
      .when(configure('production'))
      .thenNothing());
  it('is kept for so many groups of a project', () => {
    const all = Array.from({ length: MAX_RESOURCE_GROUPS }, (_, n) => ResourceGroupConfigured(ordered(`g${n}`)));
    given(registered, ...all)
      .when(configure('one more'))
      .thenRefused('limit_reached');
    given(registered, ...all)
      .when({ ...configure('g0'), processMode: 'unordered' })
      .then(ResourceGroupConfigured({ ...ordered('g0'), processMode: 'unordered' }));
  });
});
