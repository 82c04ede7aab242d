import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type ProjectDoc, type PruningDoc } from '@foldline/contracts';
import {
  everyDocument,
  missingOnDisk,
  nextPass,
  PORT,
  shortOfDisk,
  type Clock,
  type Due,
  type PassFacts,
  type ReadStore,
  type Settings,
} from '@foldline/kernel';

/** How much of what is due is listed; all of it is counted. */
const SHOWN = 1000;

/** What the next look at what is kept would take, by the same rule that it goes by. */
@Injectable()
export class MaintenanceQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PORT.settings) private readonly settings: Settings,
  ) {}

  async next() {
    const facts: PassFacts = { rules: this.settings.retention, now: this.clock.now() };
    const disk = await shortOfDisk(this.settings);
    if (disk) facts.missingBytes = await missingOnDisk(disk, this.reads);
    const due: Due[] = [];
    let count = 0;
    let bytes = 0;
    for await (const each of nextPass(this.reads, facts)) {
      if (due.length < SHOWN) due.push(each);
      count += 1;
      bytes += each.bytes;
    }
    const projects = await this.namesOf(due);
    const items = due.map((each) => answerOf(each, projects));
    return { items, count, bytes, waiting: await this.waiting(), ...(disk && { disk }) };
  }

  /** What was pruned and whose bytes wait for jobs to end. */
  private async waiting(): Promise<{ count: number; bytes: number }> {
    const waiting = { count: 0, bytes: 0 };
    const pruned = everyDocument<PruningDoc>(this.reads, COLLECTION.prunings, { index: 'byPosition' });
    for await (const { bytes } of pruned) {
      waiting.count += 1;
      waiting.bytes += bytes;
    }
    return waiting;
  }

  private async namesOf(due: readonly Due[]): Promise<Map<string, string>> {
    const ids = new Set(due.flatMap((each) => projectIdOf(each) ?? []));
    const names = new Map<string, string>();
    for (const id of ids) {
      const project = await this.reads.get<ProjectDoc>(COLLECTION.projects, id);
      if (project) names.set(id, `${project.owner}/${project.name}`);
    }
    return names;
  }
}

const answerOf = (due: Due, projects: ReadonlyMap<string, string>) => {
  const { kind, bytes, lastUsedAt, because } = due;
  const project = due.kind === 'log' ? due.job.project : (projects.get(projectIdOf(due)!) ?? null);
  return { kind, id: idOf(due), project, name: nameOf(due), bytes, lastUsedAt, ...because };
};

/** Of what does not say its project's name itself. */
const projectIdOf = (due: Due): string | undefined => {
  if (due.kind === 'log') return undefined;
  return due.kind === 'cache' ? due.cache.projectId : due.snapshot.projectId;
};

const idOf = (due: Due): string =>
  due.kind === 'cache' ? due.cache.id : due.kind === 'log' ? due.job.id : due.snapshot.id;

const nameOf = (due: Due): string =>
  due.kind === 'cache' ? due.cache.key : due.kind === 'log' ? due.job.name : (due.job?.name ?? due.snapshot.jobId);
