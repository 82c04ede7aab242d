import {
  JobCancelled,
  JobPlayed,
  JobQueued,
  JobRetried,
  PipelineCancelling,
  pipelineStream,
  type NewEvent,
  type RecordedEvent,
} from '@foldline/contracts';
import type { Gateway } from './gateway.fixture.ts';

const because = { rule: 'wish', detail: 'a person asked for it', jobs: [] };

type WishData = { pipelineId: string; jobId: string };

/** What the real one records for a wish that it grants. */
const effectOf = ({ type, data }: RecordedEvent): NewEvent[] => {
  const { pipelineId, jobId } = data as WishData;
  const queued = JobQueued({ pipelineId, jobId, attempt: 2, priority: 5, because });
  if (type === 'JobRetryRequested') return [JobRetried({ pipelineId, jobId, attempt: 2, by: 'user' }), queued];
  if (type === 'JobPlayRequested') return [JobPlayed({ pipelineId, jobId, by: 'admin' }), queued];
  if (type === 'PipelineCancelRequested')
    return [
      PipelineCancelling({ pipelineId, by: 'admin' }),
      JobCancelled({ pipelineId, jobId: `${pipelineId}.1`, attempt: 0 }),
    ];
  return [];
};

/**
 * Stands in for the scheduler, which is another service: hears of wishes through the bus, and records for each event
 * that `grants` holds for what the real one would.
 */
export const startScheduler = (
  { ports }: Gateway,
  grants: (wish: RecordedEvent) => boolean | Promise<boolean> = () => true,
): Promise<void> =>
  ports.eventBus.subscribe('scheduler', async (wish) => {
    const effect = effectOf(wish);
    if (effect.length === 0 || !(await grants(wish))) return;
    const stream = pipelineStream((wish.data as WishData).pipelineId);
    const revision = (await ports.eventStore.readStream(stream)).at(-1)?.revision ?? -1;
    const events = effect.map((event, n) => ({
      ...event,
      id: `${wish.id}-${n}`,
      causationId: wish.id,
      correlationId: wish.correlationId,
      actor: { kind: 'system' as const, id: 'scheduler' },
    }));
    await ports.eventStore.append(stream, events, revision);
  });
