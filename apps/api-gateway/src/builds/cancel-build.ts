import { Inject, Injectable } from '@nestjs/common';
import type { BuildDoc } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from '../http/fastify.ts';
import { ReadYourWrites } from '../http/read-your-writes.ts';
import { NumberedQueries } from '../services/numbered.queries.ts';
import { PipelineWishes } from '../triggers/pipeline-wishes.ts';
import { BuildQueries } from './build.queries.ts';

/** A build is cancelled as the pipeline that it is. */
@Injectable()
export class CancelBuild {
  constructor(
    @Inject(NumberedQueries) private readonly numbered: NumberedQueries,
    @Inject(BuildQueries) private readonly builds: BuildQueries,
    @Inject(PipelineWishes) private readonly wishes: PipelineWishes,
    @Inject(ReadYourWrites) private readonly writes: ReadYourWrites,
  ) {}

  /** `pending`: nothing has come of the wish yet. */
  async record(
    number: string,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<{ doc: BuildDoc; pending: boolean }> {
    const build = await this.numbered.build(number);
    const wish = { type: 'CancelPipeline', pipelineId: build.id } as const;
    const { pending } = await this.wishes.record(request, reply, wish, async () => {
      await this.writes.reachEnd();
      const { status } = await this.builds.standing(build);
      if (status === 'success' || status === 'failed')
        throw new Refusal('already_finished', `the build has ended: ${status}`);
    });
    return { doc: await this.numbered.build(number), pending };
  }
}
