import type { RecordedEvent } from '@foldline/contracts';
import { Sandbox, type PipelineAnswer, type Topology } from '@foldline/client';
import { PROGRAMS } from '../acceptance/samples.ts';
import { readOn, settled, storyOf, type Story } from './histories.ts';
import { ScenarioProject } from './project.ts';
import { Receiver } from './receiver.ts';
import { Repetition } from './repetition.ts';
import { SCENARIOS } from './scenarios.ts';

/** How often what happens is told to the services while it happens. */
export const DELIVERIES = ['once', 'redelivered'] as const;
export type Delivery = (typeof DELIVERIES)[number];

const SETTINGS = { FOLDLINE_ALLOW_PRIVATE_TARGETS: 'true', FOLDLINE_RUNNER_TAGS: 'linux,gpu' };
const OWNER = 'acme';
const LISTS = ['environments', 'deployments', 'notifications', 'variables', 'secrets', 'subscriptions'];

/** What came of all scenarios, as it can be compared with another run of them. */
export type Outcome = {
  story: Story;
  /** How often each message came to those outside, by path. */
  heard: Record<string, number[]>;
  /** How each pipeline ended, as the API shows it, and the lists of its project. */
  shown: unknown[];
};

/** A system on which all scenarios are run, side by side. */
export class Run {
  private readonly log: RecordedEvent[] = [];
  private readonly pipelines: string[] = [];
  /** Pipelines that only come after others, by the names of their projects. */
  private readonly later = new Map<string, string>();
  private readonly outcomes = new Map<Delivery, Outcome>();

  private constructor(
    readonly sandbox: Sandbox,
    readonly repetition: Repetition,
  ) {}

  static async start(topology: Topology): Promise<Run> {
    const repetition = new Repetition();
    const { preload } = repetition;
    const sandbox = await Sandbox.start({ ...SETTINGS, ...repetition.environment }, PROGRAMS, { topology, preload });
    return new Run(sandbox, repetition);
  }

  outcome(delivery: Delivery): Outcome {
    return this.outcomes.get(delivery)!;
  }

  /** Runs every scenario in a project of its own, and keeps what comes of it. */
  async runAll(delivery: Delivery): Promise<void> {
    const receiver = await Receiver.listen();
    await readOn(this.sandbox, this.log);
    const { length: before } = this.log;
    if (delivery === 'redelivered') await this.repetition.start(this.sandbox);
    const names = SCENARIOS.map((_scenario, n) => `${delivery}-${n + 1}`);
    const ids = await Promise.all(
      SCENARIOS.map(async (scenario, n) =>
        scenario.run(await ScenarioProject.create(this.sandbox, names[n]!), receiver),
      ),
    );
    this.pipelines.push(...ids.flat());
    await settled(this.sandbox, this.log, this.pipelines);
    if (delivery === 'redelivered') {
      await this.repetition.isOver(this.log);
      // Whatever followed from what was told again has begun by now, and this comes after it.
      await this.runOneMore(`${delivery}-last`);
      await this.repetition.stop();
    }
    const labels = {
      ...Object.fromEntries(names.map((name, n) => [name, `scenario-${n + 1}`])),
      [this.sandbox.directory]: '<directory>',
      [receiver.host]: '<receiver>',
    };
    this.outcomes.set(delivery, {
      story: storyOf(this.events(before), ids, labels),
      heard: await receiver.heard(),
      shown: await Promise.all(names.map((name, n) => this.shownOf(name, ids[n]!))),
    });
    await receiver.close();
  }

  /** Everything that was recorded, after the first ones, but that of pipelines that only come after others. */
  events(after = 0): RecordedEvent[] {
    const names = new Set(this.later.values());
    const isLater = ({ correlationId, data }: RecordedEvent): boolean =>
      this.later.has(correlationId) || names.has(nameIn(data));
    return this.log.slice(after).filter((event) => !isLater(event));
  }

  /** Reads on until one more pipeline has ended, of a project with this name. */
  async runOneMore(name: string): Promise<void> {
    const project = await ScenarioProject.create(this.sandbox, name);
    const id = await project.start('build:\n  script: "true"\n');
    this.later.set(id, name);
    await settled(this.sandbox, this.log, [...this.pipelines, id]);
  }

  /** What is shown of all pipelines now. */
  shown(): Promise<unknown[]> {
    const { client } = this.sandbox;
    const ofAll = DELIVERIES.flatMap((delivery) => SCENARIOS.map((_scenario, n) => `${delivery}-${n + 1}`));
    return Promise.all(ofAll.map((name) => client.get<{ items: unknown[] }>(`/api/${OWNER}/${name}/jobs?limit=200`)));
  }

  private async shownOf(name: string, ids: readonly string[]): Promise<unknown> {
    const path = `/api/${OWNER}/${name}`;
    const { client } = this.sandbox;
    const pipelines = await Promise.all(ids.map((id) => client.get<PipelineAnswer>(`${path}/pipelines/${id}`)));
    const items = await Promise.all(
      LISTS.map((list) => client.get<{ items: { name?: string; status?: string }[] }>(`${path}/${list}`)),
    );
    const lists = items.map((list) => list.items.map(({ name: what, status }) => ({ what, status })));
    return [
      pipelines.map((pipeline) => endOf(pipeline, name)),
      ...lists.map((list) => list.map((item) => JSON.stringify(item)).toSorted()),
    ];
  }

  async stop(): Promise<void> {
    await this.repetition.remove();
    await this.sandbox.stop();
  }
}

const nameIn = (data: unknown): string =>
  typeof data === 'object' && data !== null && 'name' in data ? String(data.name) : '';

/** A submitted job may be called as its project is. */
const endOf = ({ status, ref, jobs, problems }: PipelineAnswer, project: string): unknown => ({
  status,
  ref: /^[0-9a-f]{40}$/.test(ref) ? 'a commit' : ref,
  problems: problems.map(({ code, severity, line }) => ({ code, severity, line })),
  jobs: jobs.map(({ name: called, status: end, attempt, exitCode, reason, coverage, matrix, environment }) => {
    const name = called === project ? '<project>' : called;
    return { name, end, attempt, exitCode, reason, coverage, matrix, environment };
  }),
});
