import { Inject, Injectable } from '@nestjs/common';
import { COLLECTION, serviceIndexPrefix, type ProjectDoc, type ServiceDoc } from '@foldline/contracts';
import { PORT, type Cause, type ReadStore } from '@foldline/kernel';
import { MAX_SERVICES } from '../services/services.controller.ts';
import type { Wanted } from '../triggers/pipeline-requests.ts';
import { BuildRequests, type RequestedBuild } from './build-requests.ts';

/** What a push to a repository builds: the services of its project that are of that branch (S2-46). */
@Injectable()
export class PushedServices {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(BuildRequests) private readonly requests: BuildRequests,
  ) {}

  async of({ number }: ProjectDoc, ref: Wanted['ref']): Promise<ServiceDoc[]> {
    if (number === undefined || ref.kind !== 'branch') return [];
    const query = { index: 'byProject', prefix: serviceIndexPrefix(number), limit: MAX_SERVICES };
    const { items } = await this.reads.query<ServiceDoc>(COLLECTION.services, query);
    return items.filter(({ autoBuild, branch }) => autoBuild && branch === ref.name);
  }

  build(project: ProjectDoc, service: ServiceDoc, wanted: Wanted, cause: Cause): Promise<RequestedBuild> {
    return this.requests.request(project, service, wanted, cause);
  }
}
