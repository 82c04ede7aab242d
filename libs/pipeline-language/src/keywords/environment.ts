import { TEXT } from '../grammar/json-schema.ts';
import { present } from '../grammar/present.ts';
import { record, type Gap } from '../grammar/record.ts';
import { boolean, choice, mapped, orMap, shape, text, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import type { Node } from '../node.ts';
import { invalid, readText, type Where } from '../read.ts';
import { durationOrNever } from './timing.ts';

export type Environment = {
  name: string;
  url?: string;
  /** Anything but `start` uses the environment and does not deploy to it. */
  action?: EnvironmentAction;
  tier?: string;
};
export type EnvironmentAction = 'start' | 'prepare' | 'stop' | 'verify' | 'access';

const actions: readonly EnvironmentAction[] = ['start', 'prepare', 'stop', 'verify', 'access'];
const tiers = ['production', 'staging', 'testing', 'development', 'other'] as const;

const readName = (node: Node, where: Where): string | undefined => {
  const name = readText(node, where);
  if (name === undefined) return undefined;
  const usable = /^[\w $./{}-]+$/.test(name) && name.length <= limits.nameLength;
  return usable ? name : invalid(node, where, 'may have letters, digits, spaces and `-_/$.{}`');
};

/** Shown as a link, so it must not be able to carry a script; a variable may stand for all of it. */
const readUrl = (node: Node, where: Where): string | undefined => {
  const url = readText(node, where);
  if (url === undefined) return undefined;
  return /^(https?:\/\/|\$)\S+$/.test(url) && url.length <= 2048
    ? url
    : invalid(node, where, 'must begin with `http://` or `https://`');
};

const name = shape(readName, TEXT);
const stopping: Gap = { why: 'environments are not stopped by Foldline yet' };
const beside = { name: 'review' };

const dashboard = record<{ namespace: string; flux_resource_path: string }>({
  namespace: { shape: text, description: 'The namespace.', example: 'shop' },
  flux_resource_path: { shape: text, description: 'The resource of Flux.', example: 'helmreleases/shop' },
});

const kubernetes = record<{
  agent: string;
  dashboard: unknown;
  managed_resources: unknown;
  namespace: string;
  flux_resource_path: string;
}>({
  agent: { shape: text, description: 'The agent of the cluster.', example: 'group/project:agent' },
  dashboard: { shape: dashboard, description: 'What of the cluster is shown.', example: { namespace: 'shop' } },
  managed_resources: {
    shape: record<{ enabled: boolean }>({
      enabled: { shape: boolean, description: 'Whether there are any.', example: false },
    }),
    description: 'Resources that are made for the environment.',
    example: { enabled: false },
  },
  ...dashboard.fields,
});

/** `environment: production` or `{name, url, …}` (seed S0-22). */
export const environment: Shape<Environment> = orMap(
  mapped(name, (read) => ({ name: read })),
  mapped(
    record<{
      name: string;
      url: string;
      action: EnvironmentAction;
      deployment_tier: (typeof tiers)[number];
      on_stop: string;
      auto_stop_in: number;
      kubernetes: unknown;
    }>({
      name: { shape: name, description: 'What is deployed to.', example: 'review/$CI_COMMIT_REF_SLUG' },
      url: {
        shape: shape(readUrl, TEXT),
        description: 'Where it can be seen.',
        example: 'https://$CI_COMMIT_REF_SLUG.review.example.com',
        beside,
      },
      action: {
        shape: choice(actions),
        description: 'What the job does with it. Only `start` is a deployment; the others use the environment.',
        default: 'start',
        example: 'verify',
        beside,
      },
      deployment_tier: {
        shape: choice(tiers),
        description: 'What kind of environment it is.',
        example: 'testing',
        beside,
      },
      on_stop: {
        shape: text,
        description: 'The job that stops the environment.',
        example: 'stop-review',
        beside,
        planned: stopping,
      },
      auto_stop_in: {
        shape: durationOrNever,
        description: 'After which time without a deployment it is stopped.',
        example: '2 days',
        beside,
        planned: stopping,
      },
      kubernetes: {
        shape: kubernetes,
        description: 'The cluster that it is in.',
        example: { agent: 'group/project:agent' },
        beside,
        planned: { why: 'deployments are what the script does' },
      },
    }),
    ({ name: read, url, action, deployment_tier: tier }, node, where) => {
      if (node.kind === 'map' && !node.entries.has('name')) return invalid(node, where, 'needs a `name`');
      return read === undefined
        ? undefined
        : { name: read, ...present('url', url), ...present('action', action), ...present('tier', tier) };
    },
  ),
);
