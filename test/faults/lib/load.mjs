import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from './random.mjs';

const POLL_MS = 60;
/** A pipeline that takes longer is left to itself, so that one that is stuck does not end the load. */
const PATIENCE_MS = 20_000;
const ENDED = new Set(['success', 'failed', 'cancelled', 'timed_out', 'skipped']);
const OWNER = 'acme';

/** People and forges: keeps some pipelines in flight, and cancels, retries and plays what they made. */
export class Load {
  #stopping = false;
  #workers = [];
  #projects = [];

  /** `again`: how probably somebody takes up a pipeline that has ended. */
  constructor({ seed, requests, viewers, repository, webhookSecret, subscriber, again = 0.3 }) {
    Object.assign(this, { seed, requests, viewers, repository, webhookSecret, subscriber, again });
  }

  async start(inFlight) {
    await this.#register(createRandom(this.seed, 'project'));
    this.#workers = Array.from({ length: inFlight }, (_, n) => this.#work(createRandom(this.seed, `load ${n}`)));
    // Whoever stops the load learns of what went wrong; until then it is nobody's surprise.
    for (const worker of this.#workers) worker.catch(() => undefined);
  }

  /** No new pipelines; what was begun is asked for to its end. */
  async stop() {
    this.#stopping = true;
    await Promise.all(this.#workers);
  }

  async #work(random) {
    while (!this.#stopping) {
      if (random.chance(0.1)) await this.#register(random);
      if (random.chance(0.3)) this.repository.sha = this.repository.commit();
      const project = random.pick(this.#projects);
      const id = random.chance(0.2) ? await this.#push(random, project) : await this.#trigger(random, project);
      if (random.chance(0.2)) {
        await sleep(random.between(0, 600));
        await this.#wish(random, { project, pipelineId: id }, 'cancel', `pipelines/${id}/cancel`);
      }
      await this.#rested(project, id);
      if (random.chance(this.again)) await this.#again(random, project, id);
      if (random.chance(0.1)) await this.#repeatOne(random);
    }
  }

  /** The same repository as one more project: everything about it is fetched anew. */
  async #register(random) {
    const name = `shop-${random.id().slice(0, 8)}`;
    const body = { owner: OWNER, name, url: this.repository.path };
    await this.requests.ask('/api/v1/projects', body, { kind: 'project' }, random.id());
    const subscription = { kind: 'webhook', url: this.subscriber };
    const path = `/api/${OWNER}/${name}/subscriptions`;
    await this.requests.ask(path, subscription, { kind: 'subscription' }, random.id());
    this.#projects.push(`${OWNER}/${name}`);
  }

  async #trigger(random, project) {
    const variables = { LINES: String(random.between(0, 12)), PAUSE: `0.0${random.between(0, 3)}` };
    const wanted = { kind: 'trigger', project, variables };
    const path = `/api/${project}/pipelines`;
    return (await this.requests.ask(path, { ref: 'main', variables }, wanted, random.id())).body.id;
  }

  async #push(random, project) {
    const payload = { ref: 'refs/heads/main', after: this.repository.sha, repository: { full_name: project } };
    const answer = await this.requests.deliver(payload, { kind: 'webhook' }, random.id(), this.webhookSecret);
    const [id] = answer.body.pipelines ?? [];
    if (id === undefined) throw new Error(`a delivery was refused: ${answer.status} ${JSON.stringify(answer.body)}`);
    return id;
  }

  #wish(random, { project, ...about }, kind, path) {
    return this.requests.ask(`/api/${project}/${path}`, {}, { kind, ...about }, random.id());
  }

  /** A person takes up a pipeline that has ended: runs a job again, or starts the manual one. */
  async #again(random, project, pipelineId) {
    const { jobs = [] } = (await this.requests.get(`/api/${project}/pipelines/${pipelineId}`)) ?? {};
    const held = jobs.find(({ status }) => status === 'manual');
    // A job that never ran may lack what those before it never made, and would fail for good reason.
    const ran = jobs.filter(({ attempt, status }) => attempt > 0 && status !== 'manual');
    const job = held && random.chance(0.5) ? held : ran.length > 0 ? random.pick(ran) : undefined;
    if (!job) return;
    const kind = job === held ? 'play' : 'retry';
    await this.#wish(random, { project, pipelineId, jobId: job.id }, kind, `jobs/${job.id}/${kind}`);
    await this.#rested(project, pipelineId);
  }

  /** The network lost an answer that had been given: the same request once more must change nothing. */
  async #repeatOne(random) {
    const triggers = this.requests.acknowledged.filter(({ kind }) => kind === 'trigger');
    if (triggers.length === 0) return;
    const { key, answer: _answer, ...wanted } = random.pick(triggers);
    const { project, variables } = wanted;
    await this.requests.ask(`/api/${project}/pipelines`, { ref: 'main', variables }, wanted, key);
  }

  async #rested(project, id) {
    for (const since = performance.now(); performance.now() - since < PATIENCE_MS && !this.#stopping;) {
      const pipeline = await this.requests.get(`/api/${project}/pipelines/${id}`);
      for (const job of pipeline?.jobs ?? []) this.viewers.noticed(job);
      if (ENDED.has(pipeline?.status)) return;
      await sleep(POLL_MS);
    }
  }
}
