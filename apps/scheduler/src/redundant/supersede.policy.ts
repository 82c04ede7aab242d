import { Inject, Injectable } from '@nestjs/common';
import {
  COLLECTION,
  branchIndexPrefix,
  type PipelineDoc,
  type PipelineStarted,
  type Recorded,
} from '@foldline/contracts';
import { PORT, TransientError, because, type ReadModels, type ReadStore } from '@foldline/kernel';
import { DispatchService } from '../dispatch/dispatch.service.ts';

type Started = Recorded<ReturnType<typeof PipelineStarted>>;

const SHOWN_MS = 10_000;
const PAGE = 200;

/**
 * A push makes older pipelines of its branch redundant. Plans are not made in the order of pushes, so the one that
 * begins looks in both directions: for those that it supersedes, and for one that supersedes it.
 */
@Injectable()
export class SupersedePipelines {
  constructor(
    @Inject(PORT.readStore) private readonly reads: ReadStore,
    @Inject(PORT.readModels) private readonly models: ReadModels,
    @Inject(DispatchService) private readonly pipelines: DispatchService,
  ) {}

  async onPipelineStarted(event: Started): Promise<void> {
    const { context, plan } = event.data;
    if (context.ref.kind !== 'branch') return;
    const mayEnd = (plan.autoCancel?.onNewCommit ?? 'none') !== 'none';
    if (context.source !== 'push' && !mayEnd) return;
    if (!(await this.models.reached(event.position, SHOWN_MS)))
      throw new TransientError('the read models do not show yet which pipelines of the branch go on');
    const own = await this.reads.get<PipelineDoc>(COLLECTION.pipelines, context.pipelineId);
    if (!own) return;
    if (context.source === 'push') await this.supersedeOlder(event, own);
    if (mayEnd) await this.supersedeByNewer(event, own);
  }

  private async supersedeOlder(event: Started, own: PipelineDoc): Promise<void> {
    let after: string | undefined;
    do {
      const page = await this.reads.query<PipelineDoc>(COLLECTION.pipelines, {
        index: 'cancellable',
        prefix: branchIndexPrefix(own.projectId, own.ref),
        limit: PAGE,
        ...(after ? { after } : {}),
      });
      for (const other of page.items) if (supersedes(own, other)) await this.supersede(event, other.id, own.id);
      after = page.nextCursor;
    } while (after);
  }

  private async supersedeByNewer(event: Started, own: PipelineDoc): Promise<void> {
    const { items } = await this.reads.query<PipelineDoc>(COLLECTION.pipelines, {
      index: 'activeByBranch',
      prefix: branchIndexPrefix(own.projectId, own.ref),
      reverse: true,
      limit: 1,
    });
    for (const newest of items)
      if (newest.source === 'push' && newest.startedAt !== undefined && supersedes(newest, own))
        await this.supersede(event, own.id, newest.id);
  }

  private supersede(event: Started, pipelineId: string, by: string): Promise<void> {
    return this.pipelines.handle(
      pipelineId,
      { type: 'SupersedePipeline', pipelineId, by },
      because(event, 'scheduler'),
    );
  }
}

const supersedes = (newer: PipelineDoc, older: PipelineDoc): boolean =>
  older.position < newer.position && older.sha !== newer.sha;
