import { basename } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { SERVICES } from '@foldline/contracts';
import { SERVER_SETTINGS } from '@foldline/host';
import { withPrograms } from '@foldline/testing';
import { isSetting } from './documented-settings.ts';
import { GOOD_VALUES, REFUSED_VALUES, renderChart } from './chart.ts';
import type { Container, KubernetesObject, Labels, Rendered } from './chart.ts';

/** Fetching Helm's engine and Kubernetes' models, the first time on a machine. */
const FIRST_TIME_MS = 240_000;
/** Kinds that something installed in the cluster defines; Kubernetes has no model of them. */
const CUSTOM = ['ScaledObject', 'ServiceMonitor', 'TriggerAuthentication'];
type Trigger = { type: string; metadata: Record<string, string> };
const GIB = 1024 ** 3;
const WORKLOADS = ['Deployment', 'StatefulSet'];

const matches = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([name, value]) => labels[name] === value);
const settingsOf = ({ spec }: Pick<KubernetesObject, 'spec'>): Map<string, string | undefined> =>
  new Map(spec.template.spec.containers[0]!.env.map(({ name, value }) => [name, value]));
const labelsOf = (component: string): Labels => ({
  'app.kubernetes.io/name': 'foldline',
  'app.kubernetes.io/instance': 'ci',
  'app.kubernetes.io/component': component,
});
const scaledDownAfter = (seconds: number): object => ({
  cooldownPeriod: seconds,
  advanced: {
    horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: seconds } } },
  },
});
const quantities = (container: Container): string[] => Object.keys(container.resources.limits).toSorted();

withPrograms(['javac', 'mvn'], () => {
  const rendered = new Map<string, Rendered>();

  beforeAll(() => {
    for (const one of renderChart([...GOOD_VALUES, ...REFUSED_VALUES])) rendered.set(one.values, one);
  }, FIRST_TIME_MS);

  const objectsOf = (values: string): KubernetesObject[] => rendered.get(values)!.objects.map(({ object }) => object);
  const ofKind = (values: string, ...kinds: string[]): KubernetesObject[] =>
    objectsOf(values).filter(({ kind }) => kinds.includes(kind));
  const named = (values: string, kind: string, name: string): KubernetesObject =>
    ofKind(values, kind).find(({ metadata }) => metadata.name === name)!;
  const workloads = (values: string): KubernetesObject[] => ofKind(values, ...WORKLOADS);
  const containerOf = (workload: KubernetesObject): Container => workload.spec.template.spec.containers[0]!;

  describe.each(GOOD_VALUES.map((path) => basename(path)))('the chart with %s', (values) => {
    it('renders, and Kubernetes knows every field of every object', () => {
      const { refused, objects } = rendered.get(values)!;
      expect(refused).toBeUndefined();
      expect(objects.filter(({ problems }) => problems.length > 0)).toEqual([]);
      expect(objects.filter(({ model, object }) => model === null && !CUSTOM.includes(object.kind))).toEqual([]);
    });

    it('gives every object a name of its own', () => {
      const names = objectsOf(values).map(({ kind, metadata }) => `${kind}/${metadata.name}`);
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    });

    it('runs all seven services', () => {
      const services = workloads(values).map((workload) => containerOf(workload).name);
      expect([...new Set(services)].toSorted()).toEqual([...SERVICES].toSorted());
      for (const workload of workloads(values)) {
        expect(containerOf(workload).args).toEqual([`/app/${containerOf(workload).name}.js`]);
      }
    });

    it('asks the operations port whether a service has started, lives and is ready', () => {
      for (const workload of workloads(values)) {
        const container = containerOf(workload);
        expect(container.ports).toContainEqual({ name: 'operations', containerPort: 9464 });
        expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'operations' });
        expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'operations' });
        expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'operations' });
      }
    });

    it('limits what every container takes', () => {
      for (const workload of workloads(values)) {
        expect(quantities(containerOf(workload))).toEqual(['cpu', 'ephemeral-storage', 'memory']);
      }
    });

    it('runs as nobody in particular, on a file system that it cannot write, without capabilities', () => {
      for (const workload of workloads(values)) {
        const { spec } = workload.spec.template;
        expect(spec.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
        expect(spec.automountServiceAccountToken).toBe(false);
        expect(containerOf(workload).securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
        expect(containerOf(workload).volumeMounts.map(({ mountPath }) => mountPath)).toEqual(
          expect.arrayContaining(['/var/lib/foldline', '/tmp']),
        );
      }
    });

    it('names the image by a release or a digest', () => {
      for (const workload of workloads(values)) {
        expect(containerOf(workload).image).toMatch(/^[\w./-]+(?::\d+\.\d+\.\d+|@sha256:[0-9a-f]{64})$/);
      }
    });

    it('gives secrets as files of the existing secret, and only the gateway those of the HTTP server', () => {
      for (const workload of workloads(values)) {
        const { name, env } = containerOf(workload);
        const secret = workload.spec.template.spec.volumes.find((volume) => volume.name === 'secrets')!.secret!;
        const files = env.filter((setting) => setting.name.endsWith('_FILE')).map(({ value }) => value);
        expect(files.toSorted()).toEqual(secret.items.map(({ path }) => `/run/secrets/foldline/${path}`).toSorted());
        expect(env.filter((setting) => /TOKEN$|SECRET$|KEY$|PASSWORD$/.test(setting.name))).toEqual([]);
        expect(secret.items.some(({ key }) => key === 'admin-token')).toBe(name === 'api-gateway');
        expect(secret.items.some(({ key }) => key === 'webhook-secret')).toBe(name === 'api-gateway');
      }
    });

    it('sets nothing that is no setting', () => {
      for (const workload of workloads(values)) {
        const names = containerOf(workload).env.map((setting) => setting.name);
        expect(names.filter((name) => name.startsWith('FOLDLINE_') && !isSetting(name))).toEqual([]);
      }
    });

    it('selects with every selector the pods of exactly one workload', () => {
      const pods = workloads(values).map(({ spec }) => spec.template.metadata.labels);
      for (const { kind, metadata, spec } of [...workloads(values), ...ofKind(values, 'PodDisruptionBudget')]) {
        const selected = pods.filter((labels) => matches(spec.selector.matchLabels, labels));
        expect([kind, metadata.name, selected.length]).toEqual([kind, metadata.name, 1]);
      }
    });

    it('has a disruption budget for every workload, under which a node can always be drained', () => {
      const budgets = ofKind(values, 'PodDisruptionBudget');
      expect(budgets.map(({ metadata }) => metadata.name).toSorted()).toEqual(
        workloads(values)
          .map(({ metadata }) => metadata.name)
          .toSorted(),
      );
      for (const { spec } of budgets)
        expect([spec['minAvailable'], spec['maxUnavailable']]).toEqual([undefined, expect.anything()]);
    });

    it('calls each runner after its pod, with names that fit', () => {
      for (const { metadata, spec } of ofKind(values, 'StatefulSet')) {
        const env = settingsOf({ spec });
        expect(env.get('FOLDLINE_RUNNERS')).toMatch(/^\$\(POD_NAME\):(?:high|low)-power:\d+$/);
        expect([...env.keys()].indexOf('POD_NAME')).toBeLessThan([...env.keys()].indexOf('FOLDLINE_RUNNERS'));
        // Kubernetes adds a hash of eleven characters to it in a label.
        expect(metadata.name.length).toBeLessThanOrEqual(52);
        expect(named(values, 'Service', spec.serviceName!)).toBeDefined();
      }
    });

    it('tells the scheduler what the runners of each pool are called and what they offer', () => {
      const scheduler = workloads(values).find((workload) => containerOf(workload).name === 'scheduler')!;
      const pools = SERVER_SETTINGS.FOLDLINE_RUNNER_POOLS.parse(settingsOf(scheduler).get('FOLDLINE_RUNNER_POOLS'))!;
      const told = pools.map(({ id, offer: { cluster, slots, cpu, memoryBytes, diskBytes, tags } }) => [
        id,
        `$(POD_NAME):${cluster.power}:${slots}`,
        ...[cpu, memoryBytes / GIB, diskBytes / GIB].map(String),
        tags?.join(','),
      ]);
      const offered = ['', '_CPU', '_MEMORY_GB', '_DISK_GB', '_TAGS'].map((what) => `FOLDLINE_RUNNER${what || 'S'}`);
      expect(told).toEqual(
        ofKind(values, 'StatefulSet').map((pool) => [
          pool.metadata.name,
          ...offered.map((name) => settingsOf(pool).get(name)),
        ]),
      );
    });

    it('scales each workload by one thing: a number or an autoscaler', () => {
      const targets = ofKind(values, 'HorizontalPodAutoscaler', 'ScaledObject').map(
        ({ spec }) => (spec['scaleTargetRef'] as { kind: string; name: string }).name,
      );
      for (const { metadata, spec } of workloads(values)) {
        expect([metadata.name, spec.replicas === undefined]).toEqual([metadata.name, targets.includes(metadata.name)]);
      }
    });
  });

  describe('the chart', () => {
    it.each([
      ['latest-tag.yaml', 'latest says not what runs'],
      ['unknown-value.yaml', 'replicas'],
      ['unknown-service.yaml', 'runner'],
      ['ingress-without-host.yaml', 'an Ingress needs a host'],
      ['secret-in-an-address.yaml', 's3.url'],
      ['unknown-sasl.yaml', 'kafka.sasl'],
      ['include-hosts-in-one.yaml', 'includeHosts.0'],
      ['tag-with-a-space.yaml', 'runnerPools.high.tags.0'],
      ['certificate-without-key.yaml', 'secretKeys.redisCertificateKey'],
      [
        'keda-for-the-gateway.yaml',
        'services.api-gateway.autoscaling.kind must be one of the following: "none", "hpa"',
      ],
      ['keda-for-all.yaml', 'no events and no jobs wait for the gateway'],
      ['lag-of-runners.yaml', 'runnerPools.high.autoscaling: Additional property consumerGroup'],
    ])('refuses %s and says why', (values, reason) => {
      expect(rendered.get(values)!.refused).toContain(reason);
    });

    it('gives a pool the tags that jobs may ask it for', () => {
      const tagsOf = (name: string) =>
        settingsOf(named('everything.yaml', 'StatefulSet', name)).get('FOLDLINE_RUNNER_TAGS');
      expect([tagsOf('ci-foldline-runner-low'), tagsOf('ci-foldline-runner-fixed')]).toEqual([
        'linux,team/a',
        undefined,
      ]);
    });

    it('tells the gateway alone where people reach it: at its address, at its ingress, or not at all', () => {
      const told = ['everything.yaml', 'smallest.yaml', 'defaults.yaml'].map((values) =>
        workloads(values).flatMap((workload) => settingsOf(workload).get('FOLDLINE_URL') ?? []),
      );
      expect(told).toEqual([['https://ci.example.org'], ['https://example.org/ci'], []]);
    });

    it('tells who reads definitions, and nobody else, from which hosts they may include files', () => {
      const told = (values: string) =>
        workloads(values)
          .map((workload): [string, string | undefined] => [
            containerOf(workload).name,
            settingsOf(workload).get('FOLDLINE_INCLUDE_HOSTS'),
          ])
          .filter(([, hosts]) => hosts !== undefined)
          .toSorted();
      const hosts = 'example.org,*.example.com,http://mirror.corp:8080';
      expect(told('everything.yaml')).toEqual([
        ['api-gateway', hosts],
        ['pipeline-planner', hosts],
      ]);
      expect(told('smallest.yaml')).toEqual([]);
    });

    it('publishes only the gateway', () => {
      expect(ofKind('defaults.yaml', 'Ingress')).toEqual([]);
      const open = ofKind('defaults.yaml', 'Service').filter(({ spec }) => spec['clusterIP'] !== 'None');
      expect(open.map(({ spec }) => spec.selector)).toEqual([
        expect.objectContaining({ 'app.kubernetes.io/component': 'api-gateway' }),
      ]);
    });

    it('lets nobody in but to the gateway, and nothing out but to names and servers', () => {
      const policy = (name: string): unknown => named('defaults.yaml', 'NetworkPolicy', `ci-foldline-${name}`).spec;
      expect(policy('in')).toMatchObject({ policyTypes: ['Ingress'] });
      expect(policy('in')).not.toHaveProperty('ingress');
      expect(policy('gateway-in')).toMatchObject({ ingress: [{ ports: [{ port: 'http', protocol: 'TCP' }] }] });
      expect(policy('out')).toMatchObject({ policyTypes: ['Egress'] });
      expect(policy('outside')).toMatchObject({
        podSelector: {
          matchExpressions: [{ values: ['api-gateway', 'pipeline-planner', 'runner', 'deployer', 'notifier'] }],
        },
        egress: [{ to: [{ ipBlock: { except: ['169.254.0.0/16'] } }] }],
      });
    });

    it('gives each pool of runners its own time to end, and keeps its workspaces when told so', () => {
      const high = named('everything.yaml', 'StatefulSet', 'ci-foldline-runner-high');
      expect(high.spec.template.spec.terminationGracePeriodSeconds).toBe(3600);
      expect(high.spec['volumeClaimTemplates']).toHaveLength(1);
      const low = named('everything.yaml', 'StatefulSet', 'ci-foldline-runner-low');
      expect(low.spec.template.spec.terminationGracePeriodSeconds).toBe(3645);
      expect(settingsOf(low).get('FOLDLINE_DRAIN_SECONDS')).toBe('3600');
      expect(low.spec['volumeClaimTemplates']).toBeUndefined();
    });

    // The fields of custom kinds were compared with KEDA 2.16 and Prometheus Operator 0.79; see docs/kubernetes.md.
    it('scales by the lag of the service in Kafka', () => {
      expect(named('everything.yaml', 'ScaledObject', 'ci-foldline-pipeline-planner').spec).toEqual({
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'ci-foldline-pipeline-planner' },
        minReplicaCount: 2,
        maxReplicaCount: 6,
        ...scaledDownAfter(300),
        triggers: [
          {
            type: 'kafka',
            metadata: {
              bootstrapServers: 'a:9093,b:9093',
              consumerGroup: 'builds.pipeline-planner',
              topic: 'builds.events.v1',
              lagThreshold: '100',
              tls: 'enable',
              sasl: 'scram_sha512',
            },
            authenticationRef: { name: 'ci-foldline-kafka' },
          },
        ],
      });
      expect(named('everything.yaml', 'TriggerAuthentication', 'ci-foldline-kafka').spec).toEqual({
        secretTargetRef: [
          { parameter: 'username', name: 'foldline', key: 'kafka-username' },
          { parameter: 'password', name: 'foldline', key: 'kafka-password' },
          { parameter: 'ca', name: 'foldline', key: 'kafka-ca' },
          { parameter: 'cert', name: 'foldline', key: 'kafka-certificate' },
          { parameter: 'key', name: 'foldline', key: 'kafka-certificate-key' },
        ],
      });
    });

    it('goes by the lag of those services that share the partitions of the topic, and never to none of their pods', () => {
      const scaled = ofKind('everything.yaml', 'ScaledObject')
        .filter(({ spec }) => (spec['triggers'] as Trigger[])[0]!.type === 'kafka')
        .map(({ metadata, spec }) => [
          metadata.name.replace('ci-foldline-', ''),
          (spec['triggers'] as Trigger[])[0]!.metadata['consumerGroup'],
          spec['minReplicaCount'],
        ]);
      expect(scaled.toSorted()).toEqual([
        ['artifact-store', 'builds.artifact-store', 2],
        ['deployer', 'builds.deployer', 2],
        ['notifier', 'builds.notifier', 1],
        ['pipeline-planner', 'builds.pipeline-planner', 2],
        ['scheduler', 'other', 2],
      ]);
    });

    it('scales a pool to the runners that it needs, as the scheduler tells it', () => {
      const { spec } = named('everything.yaml', 'ScaledObject', 'ci-foldline-runner-low');
      expect(spec).toEqual({
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'ci-foldline-runner-low' },
        minReplicaCount: 0,
        maxReplicaCount: 40,
        ...scaledDownAfter(600),
        triggers: [
          {
            type: 'metrics-api',
            metadata: {
              url: 'http://ci-foldline-scheduler.builds.svc:9464/metrics',
              format: 'prometheus',
              valueLocation: 'foldline_runners_needed{pool="ci-foldline-runner-low"}',
              targetValue: '1',
            },
          },
        ],
      });
    });

    it('lets KEDA ask the schedulers that are ready, and only where it scales a pool', () => {
      expect(named('everything.yaml', 'Service', 'ci-foldline-scheduler').spec).toEqual({
        clusterIP: 'None',
        selector: labelsOf('scheduler'),
        ports: [{ name: 'operations', port: 9464, targetPort: 'operations' }],
      });
      expect(named('everything.yaml', 'NetworkPolicy', 'ci-foldline-scaling-in').spec).toEqual({
        podSelector: { matchLabels: labelsOf('scheduler') },
        policyTypes: ['Ingress'],
        ingress: [
          {
            ports: [{ port: 'operations', protocol: 'TCP' }],
            from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'keda' } } }],
          },
        ],
      });
      expect(named('defaults.yaml', 'Service', 'ci-foldline-scheduler')).toBeUndefined();
      expect(named('defaults.yaml', 'NetworkPolicy', 'ci-foldline-scaling-in')).toBeUndefined();
    });

    it('scales the gateway by its CPU', () => {
      expect(named('everything.yaml', 'HorizontalPodAutoscaler', 'ci-foldline-api-gateway').spec).toMatchObject({
        maxReplicas: 9,
        metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 70 } } }],
      });
    });

    it('lets Prometheus find the operations ports of all pods', () => {
      expect(named('everything.yaml', 'ServiceMonitor', 'ci-foldline').spec).toEqual({
        selector: {
          matchLabels: labelsOf('operations'),
        },
        podTargetLabels: ['app.kubernetes.io/component', 'foldline.dev/pool'],
        endpoints: [{ port: 'operations', path: '/metrics', interval: '30s' }],
      });
      const { matchLabels } = named('everything.yaml', 'ServiceMonitor', 'ci-foldline').spec.selector;
      expect(
        ofKind('everything.yaml', 'Service')
          .filter(({ metadata }) => matches(matchLabels, metadata.labels))
          .map(({ metadata }) => metadata.name),
      ).toEqual(['ci-foldline-operations']);
    });
  });
});
