import {
  ALERT_DEFAULTS,
  AlertRulesSet,
  alertRulesWith,
  problemsOfAlertRule,
  CallersSet,
  ProjectNumbered,
  ProjectRegistered,
  ResourceGroupConfigured,
  SecretStored,
  SubscriptionRemovalRequested,
  SubscriptionRequested,
  VariableRemoved,
  VariableSet,
  type AlertOverride,
  type AlertRules,
} from '@foldline/contracts';
import { Refusal, type Decider } from '@foldline/kernel';
import { emitAll } from '../triggers/emit-all.ts';
import { isName, isOwner } from './project-names.ts';
import {
  changed,
  oneVariable,
  variableId,
  type Asked,
  type ProjectVariables,
  type VariableChange,
} from './project-variables.ts';

export const MAX_VARIABLES = 200;
export const MAX_SECRETS = 200;
export const MAX_SUBSCRIPTIONS = 50;
export const MAX_CALLERS = 200;
/** Resource groups that are not as they are by default. */
export const MAX_RESOURCE_GROUPS = 200;

type Data<Definition extends (data: never) => { data: unknown }> = ReturnType<Definition>['data'];

export type ProjectCommand =
  | ({ type: 'RegisterProject' } & Data<typeof ProjectRegistered>)
  | ({ type: 'NumberProject' } & Data<typeof ProjectNumbered>)
  | ({ type: 'SetVariable' } & Data<typeof VariableSet>)
  | ({ type: 'ChangeVariable' } & VariableChange)
  | ({ type: 'RemoveVariable' } & Omit<Data<typeof VariableRemoved>, 'scope'> & Asked)
  | ({ type: 'StoreSecret' } & Data<typeof SecretStored>)
  | ({ type: 'SetCallers' } & Data<typeof CallersSet>)
  | ({ type: 'ConfigureResourceGroup' } & Data<typeof ResourceGroupConfigured>)
  | { type: 'SetAlertRules'; projectId: string; rules: readonly AlertOverride[] }
  | ({ type: 'RequestSubscription' } & Data<typeof SubscriptionRequested>)
  | ({ type: 'RequestSubscriptionRemoval' } & Data<typeof SubscriptionRemovalRequested>);

export type ProjectEvent = ReturnType<
  | typeof ProjectRegistered
  | typeof ProjectNumbered
  | typeof VariableSet
  | typeof VariableRemoved
  | typeof SecretStored
  | typeof CallersSet
  | typeof ResourceGroupConfigured
  | typeof AlertRulesSet
  | typeof SubscriptionRequested
  | typeof SubscriptionRemovalRequested
>;

export type ProjectState = {
  url?: string;
  number?: number;
  variables: ProjectVariables;
  secrets: Set<string>;
  subscriptions: Set<string>;
  callers: readonly string[];
  /** Their modes, by name. */
  resourceGroups: Map<string, string>;
  alertRules: AlertRules;
};

const evolve = (state: ProjectState, event: ProjectEvent): ProjectState => {
  switch (event.type) {
    case 'ProjectRegistered':
      state.url = event.data.url;
      return state;
    case 'ProjectNumbered':
      state.number = event.data.number;
      return state;
    case 'VariableSet':
      state.variables.set(variableId(event.data.key, event.data.scope), event.data);
      return state;
    case 'VariableRemoved':
      state.variables.delete(variableId(event.data.key, event.data.scope));
      return state;
    case 'SecretStored':
      state.secrets.add(event.data.path);
      return state;
    case 'CallersSet':
      state.callers = event.data.callers;
      return state;
    case 'ResourceGroupConfigured':
      state.resourceGroups.set(event.data.group, event.data.processMode);
      return state;
    case 'AlertRulesSet':
      state.alertRules = alertRulesWith(event.data.rules);
      return state;
    case 'SubscriptionRequested':
      state.subscriptions.add(event.data.subscriptionId);
      return state;
    case 'SubscriptionRemovalRequested':
      state.subscriptions.delete(event.data.subscriptionId);
      return state;
  }
};

const register = ({ type: _type, ...data }: ProjectCommand & { type: 'RegisterProject' }, state: ProjectState) => {
  if (state.url === data.url) return [];
  if (state.url !== undefined)
    throw new Refusal('project_exists', `${data.owner}/${data.name} is registered with another URL`);
  if (!isOwner(data.owner)) throw notAName('/owner', data.owner);
  if (!isName(data.name)) throw notAName('/name', data.name);
  return [ProjectRegistered(data)];
};

const notAName = (pointer: string, name: string): Refusal => {
  const message = `"${name}" is not a name, or is reserved`;
  return new Refusal('invalid_name', message, { errors: [{ pointer, message }] });
};

const withRoom = (known: Pick<ReadonlySet<string>, 'has' | 'size'>, key: string, limit: number, what: string): void => {
  if (!known.has(key) && known.size >= limit)
    throw new Refusal('limit_reached', `a project has at most ${limit} ${what}`);
};

const known = (set: ReadonlySet<string>, key: string, what: string): void => {
  if (!set.has(key)) throw new Refusal('not_found', `the project has no ${what} ${key}`);
};

/** Each is a project, or with `*` every project of an owner. */
const setCallers = (data: Data<typeof CallersSet>, state: ProjectState): ProjectEvent[] => {
  const isProject = (caller: string): boolean => {
    const [owner = '', name = '', ...more] = caller.split('/');
    return isOwner(owner) && (name === '*' || isName(name)) && more.length === 0;
  };
  const errors = data.callers.flatMap((caller, index) =>
    isProject(caller)
      ? []
      : [{ pointer: `/callers/${index}`, message: `"${caller}" is neither a project, as owner/name, nor owner/*` }],
  );
  if (errors.length > 0) throw new Refusal('invalid_name', 'not every caller is a project', { errors });
  const callers = distinctCallers(data.callers);
  return state.callers.join() === callers.join() ? [] : [CallersSet({ ...data, callers })];
};

/** The first spelling of each: their letters may be large or small. */
export const distinctCallers = (callers: readonly string[]): string[] => {
  const names = callers.map((caller) => caller.toLowerCase());
  return callers.filter((_, index) => names.indexOf(names[index]!) === index);
};

/** Those of one rule are set once, and its least number can be reached. */
const setAlertRules = (
  { projectId, rules }: ProjectCommand & { type: 'SetAlertRules' },
  state: ProjectState,
): ProjectEvent[] => {
  const wanted = alertRulesWith(rules);
  const errors = rules.flatMap(({ rule }, index) => {
    if (rules.findIndex((other) => other.rule === rule) < index)
      return [{ pointer: `/rules/${index}/rule`, message: `${rule} stands here twice` }];
    const problems = problemsOfAlertRule(rule, wanted[rule]);
    return problems.map(({ field, message }) => ({ pointer: `/rules/${index}/${field}`, message }));
  });
  if (errors.length > 0) throw new Refusal('invalid_request', 'these rules cannot be', { errors });
  const isSame = JSON.stringify(wanted) === JSON.stringify(state.alertRules);
  return isSame ? [] : [AlertRulesSet({ projectId, rules: rules.map((rule) => ({ ...rule })) })];
};

const change = (command: Exclude<ProjectCommand, { type: 'RegisterProject' }>, state: ProjectState): ProjectEvent[] => {
  const { type: _type, ...data } = command;
  switch (command.type) {
    case 'NumberProject':
      return state.number === undefined ? [ProjectNumbered(data as Data<typeof ProjectNumbered>)] : [];
    case 'SetVariable':
      withRoom(state.variables, variableId(command.key, command.scope), MAX_VARIABLES, 'variables');
      return [VariableSet(data as Data<typeof VariableSet>)];
    case 'ChangeVariable':
      return [changed(command, state.variables)];
    case 'RemoveVariable': {
      const { projectId, key, scope } = oneVariable(command, state.variables);
      return [VariableRemoved({ projectId, key, ...(scope === undefined ? {} : { scope }) })];
    }
    case 'StoreSecret':
      withRoom(state.secrets, command.path, MAX_SECRETS, 'secrets');
      return [SecretStored(data as Data<typeof SecretStored>)];
    case 'SetCallers':
      return setCallers(data as Data<typeof CallersSet>, state);
    case 'ConfigureResourceGroup':
      if (state.resourceGroups.get(command.group) === command.processMode) return [];
      withRoom(state.resourceGroups, command.group, MAX_RESOURCE_GROUPS, 'resource groups with a mode of their own');
      return [ResourceGroupConfigured(data as Data<typeof ResourceGroupConfigured>)];
    case 'SetAlertRules':
      return setAlertRules(command, state);
    case 'RequestSubscription':
      if (state.subscriptions.has(command.subscriptionId)) return [];
      withRoom(state.subscriptions, command.subscriptionId, MAX_SUBSCRIPTIONS, 'subscriptions');
      return [SubscriptionRequested(data as Data<typeof SubscriptionRequested>)];
    case 'RequestSubscriptionRemoval':
      known(state.subscriptions, command.subscriptionId, 'subscription');
      return [SubscriptionRemovalRequested(data as Data<typeof SubscriptionRemovalRequested>)];
  }
};

const decide = (command: ProjectCommand, state: ProjectState): ProjectEvent[] => {
  if (command.type === 'RegisterProject') return register(command, state);
  if (state.url === undefined) throw new Refusal('not_found', 'there is no such project');
  return change(command, state);
};

/** A project: which repository it is, and what its pipelines are given. */
export const projectDecider: Decider<ProjectState, ProjectCommand, ProjectEvent> = {
  initialState: () => ({
    variables: new Map(),
    secrets: new Set(),
    subscriptions: new Set(),
    callers: [],
    resourceGroups: new Map(),
    alertRules: ALERT_DEFAULTS,
  }),
  evolve,
  decide: (command, state) => emitAll(state, evolve, decide(command, state)),
};
