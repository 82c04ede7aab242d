import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, type ProjectDoc } from '@foldline/contracts';
import { PORT, Refusal, type ReadStore } from '@foldline/kernel';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { urlIndexPrefix } from '@foldline/read-models';
import { isName, isOwner, projectIdOf } from './project-names.ts';

const PROJECT_ID = /^[0-9a-z]{1,64}$/;
const SAME_URL_LIMIT = 100;

@Injectable()
export class ProjectQueries {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  /** The project of `/api/:owner/:repo`. */
  async named(owner: string, name: string): Promise<ProjectDoc> {
    const doc = await this.find(owner, name);
    if (!doc) throw new Refusal('not_found', 'there is no such project');
    return doc;
  }

  /** The project of this id, or of this `owner/name`. */
  async identified(given: string): Promise<ProjectDoc> {
    const [owner = '', ...name] = given.split('/');
    const doc = await (name.length === 0 ? this.ofId(given) : this.find(owner, name.join('/')));
    if (!doc) throw new Refusal('not_found', 'there is no such project', { pointer: '/project' });
    return doc;
  }

  /** The project of `/api/:owner/:repo`, showing everything that is stored now. */
  async current(owner: string, name: string): Promise<ProjectDoc> {
    await this.writes.reachEnd();
    return this.named(owner, name);
  }

  /** The projects that a forge's delivery is about: of that name there, or of one of its addresses. */
  async ofRepository(repository: { fullName: string; urls: readonly string[] }): Promise<ProjectDoc[]> {
    await this.writes.reachEnd();
    const [owner = '', name = ''] = repository.fullName.split('/');
    const named = await this.find(owner, name);
    const found = new Map(named ? [[named.id, named]] : []);
    for (const url of repository.urls) for (const doc of await this.atUrl(url)) found.set(doc.id, doc);
    return [...found.values()];
  }

  /** The projects of this repository, however its address is spelt; the first by their ids. */
  async ofUrl(url: string): Promise<ProjectDoc[]> {
    await this.writes.reachEnd();
    return this.atUrl(url);
  }

  private async atUrl(url: string): Promise<ProjectDoc[]> {
    const prefix = urlIndexPrefix(url);
    const query = { index: 'byUrl', prefix, limit: SAME_URL_LIMIT };
    return (await this.reads.query<ProjectDoc>(COLLECTION.projects, query)).items;
  }

  private async ofId(id: string): Promise<ProjectDoc | undefined> {
    return PROJECT_ID.test(id) ? this.writes.find<ProjectDoc>(COLLECTION.projects, id) : undefined;
  }

  private async find(owner: string, name: string): Promise<ProjectDoc | undefined> {
    if (!isOwner(owner) || !isName(name)) return undefined;
    return this.ofId(projectIdOf(owner, name));
  }
}
