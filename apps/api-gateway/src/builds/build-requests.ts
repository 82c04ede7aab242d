import { Inject, Injectable } from '@nestjs/common';
import { imageTagsOf, type ImageBuild, type ProjectDoc, type ServiceDoc } from '@foldline/contracts';
import { derivedId, type Cause } from '@foldline/kernel';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { Numbers } from '../services/numbers.ts';
import { sameRepository } from '../services/same-repository.ts';
import { buildChanges } from '../services/service-config.ts';
import type { StartBuildBody } from '../services/service-bodies.ts';
import { Admission } from '../triggers/admission.ts';
import type { Done, RequestId } from '../triggers/idempotency.ts';
import { PipelineRequests, type RequestedPipeline, type Wanted } from '../triggers/pipeline-requests.ts';

export type RequestedBuild = RequestedPipeline & { build: number };

/** The one way to a new build, whoever asks for it: a pipeline whose only job builds the image. */
@Injectable()
export class BuildRequests {
  constructor(
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(Numbers) private readonly numbers: Numbers,
    @Inject(Admission) private readonly admission: Admission,
    @Inject(PipelineRequests) private readonly requests: PipelineRequests,
  ) {}

  /** A build that a person asks for. The repository is asked what the ref is now, before anything is recorded. */
  async start(service: ServiceDoc, body: StartBuildBody, by: RequestId): Promise<Done<RequestedBuild>> {
    const pipelineId = by.keyed ? derivedId(service.id, by.id) : by.id;
    const known = by.keyed ? await this.requests.stored(pipelineId) : undefined;
    if (known) return { answer: known as RequestedBuild, fresh: false };
    const project = await this.numbered.project(service.projectId);
    // What is built is the service's own repository, as the service spells it.
    const { gitUrl, ...changes } = buildChanges(body);
    if (gitUrl !== undefined) sameRepository(project, gitUrl);
    await this.admission.pipeline(project.id);
    const resolved = await this.requests.resolve({ ...project, url: service.gitUrl }, body.git_ref ?? service.branch);
    const wanted = { pipelineId, ...resolved, source: 'api', variables: {} } as const;
    const answer = await this.request(project, { ...service, ...changes }, wanted, by.cause);
    return { answer, fresh: answer.fresh };
  }

  /** Records the wish. Repeated with the same cause it comes to the same build. */
  async request(project: ProjectDoc, service: ServiceDoc, wanted: Wanted, cause: Cause): Promise<RequestedBuild> {
    const known = await this.requests.stored(wanted.pipelineId);
    if (known) return known as RequestedBuild;
    const number = await this.numbers.next('builds', wanted.pipelineId, cause);
    const build = buildOf(service, number, wanted);
    const requested = await this.requests.request({ ...project, url: service.gitUrl }, { ...wanted, build }, cause);
    return requested as RequestedBuild;
  }
}

const buildOf = (service: ServiceDoc, number: number, { ref, sha }: Pick<Wanted, 'ref' | 'sha'>): ImageBuild => {
  const { own, newest } = imageTagsOf(ref, sha);
  return {
    number,
    service: { id: service.id, number: service.number, name: service.name },
    projectNumber: service.projectNumber,
    gitUrl: service.gitUrl,
    contextPath: service.contextPath,
    dockerfile: service.dockerfile,
    args: service.buildArgs,
    platform: service.platform,
    network: service.buildNetwork,
    image: `${service.image}:${own}`,
    cacheImage: `${service.image}:${newest}`,
    registries: service.registries,
  };
};
