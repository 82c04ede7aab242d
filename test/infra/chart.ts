import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/workspace.mjs';

export const CHART = join(root, 'infra/kubernetes/foldline');
const VALUES = join(root, 'test/infra/values');

export type Labels = Record<string, string>;
export type Selector = { matchLabels: Labels };
export type Probe = { httpGet: { path: string; port: string } };
export type Container = {
  name: string;
  image: string;
  args: string[];
  env: { name: string; value?: string }[];
  ports: { name: string; containerPort: number }[];
  resources: { requests: Labels; limits: Labels };
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  securityContext: Record<string, unknown>;
  volumeMounts: { name: string; mountPath: string }[];
};
export type Volume = { name: string; secret?: { secretName: string; items: { key: string; path: string }[] } };
export type PodSpec = {
  serviceAccountName: string;
  automountServiceAccountToken: boolean;
  terminationGracePeriodSeconds: number;
  securityContext: Record<string, unknown>;
  containers: Container[];
  volumes: Volume[];
};
export type KubernetesObject = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; labels: Labels };
  spec: Record<string, unknown> & {
    replicas?: number;
    selector: Selector;
    serviceName?: string;
    template: { metadata: { labels: Labels }; spec: PodSpec };
  };
};

/** What became of one file of values: objects, each with what is wrong with it by Kubernetes' own models. */
export type Rendered = {
  values: string;
  refused?: string;
  objects: { object: KubernetesObject; model: string | null; problems: string[] }[];
};

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));

export const GOOD_VALUES = filesIn(VALUES);
export const REFUSED_VALUES = filesIn(join(VALUES, 'refused'));

/** Renders the chart with Helm's engine, once for each file of values. */
export const renderChart = (values: readonly string[]): Rendered[] =>
  JSON.parse(
    execFileSync(join(root, 'infra/ci/helm/check'), [CHART, ...values], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      maxBuffer: 64 * 1024 ** 2,
    }),
  ) as Rendered[];
