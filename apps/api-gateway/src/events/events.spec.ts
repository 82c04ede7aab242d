import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PipelineReopened, type RecordedEvent } from '@foldline/contracts';
import { closeAndRemove, startGatewayWithProject, TOKEN, type StartedGateway } from '../gateway.fixture.ts';
import { startJob } from '../started-job.fixture.ts';

let gateway: StartedGateway;

beforeAll(async () => {
  gateway = await startGatewayWithProject();
  await startJob(gateway, 'p1');
  await startJob(gateway, 'p2');
});
afterAll(() => closeAndRemove(gateway));

const read = async (query: string): Promise<{ items: RecordedEvent[]; nextCursor?: string }> =>
  (await gateway.as('get', `/api/v1/events?${query}`).expect(200)).body;

/** The server-sent events of a request, one by one. */
const follow = async function* (
  query: string,
  headers: Record<string, string> = {},
): AsyncGenerator<{ id: number; event: string; data: RecordedEvent }> {
  const abort = new AbortController();
  const sent = { authorization: `Bearer ${TOKEN}`, accept: 'text/event-stream', ...headers };
  const response = await fetch(`http://127.0.0.1:${gateway.port}/api/v1/events?${query}`, {
    headers: sent,
    signal: abort.signal,
  });
  let rest = '';
  try {
    for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split('\n\n');
      rest = blocks.pop()!;
      for (const block of blocks) {
        const [, id, event, data] = /^id: (\d+)\nevent: (\w+)\ndata: (.*)$/.exec(block)!;
        yield { id: Number(id), event: event!, data: JSON.parse(data!) as RecordedEvent };
      }
    }
  } finally {
    abort.abort();
  }
};

describe('the log of everything', () => {
  it('is read in pages, in order and without gaps', async () => {
    const whole = (await read('limit=1000')).items;
    const paged: RecordedEvent[] = [];
    for (let page = await read('limit=4'); ; page = await read(`limit=4&after=${page.nextCursor}`)) {
      paged.push(...page.items);
      if (!page.nextCursor) break;
    }
    expect(paged).toEqual(whole);
    expect(whole.map(({ position }) => position)).toEqual(
      whole.map(({ position }) => position).toSorted((a, b) => a - b),
    );
    expect(whole[0]).toMatchObject({ type: 'ProjectRegistered', revision: 0, actor: { kind: 'user', id: 'admin' } });
  });

  it.each([
    ['type=JobQueued', (event: RecordedEvent) => event.type === 'JobQueued', 2],
    ['stream=pipeline-p1', (event: RecordedEvent) => event.stream === 'pipeline-p1', 4],
    ['category=trigger', (event: RecordedEvent) => event.stream.startsWith('trigger-'), 2],
    ['pipeline=p2', (event: RecordedEvent) => event.correlationId === 'p2', 6],
    ['pipeline=p2&type=JobHeld', (event: RecordedEvent) => event.type === 'JobHeld' && event.correlationId === 'p2', 1],
  ])('can be filtered by %s', async (query, holds, many) => {
    const { items } = await read(query);
    expect(items).toHaveLength(many);
    expect(items.every(holds)).toBe(true);
  });

  it('has only the categories that there are', async () => {
    await gateway.as('get', '/api/v1/events?category=constructor').expect(400);
  });

  it('has only the types of events that there are, and says which was meant', async () => {
    for (const headers of [{}, { accept: 'text/event-stream' }]) {
      const near = await gateway.as('get', '/api/v1/events?type=JobQueue').set(headers).expect(400);
      expect(near.body).toMatchObject({
        code: 'invalid_request',
        errors: [{ pointer: '/type', message: expect.stringContaining('Did you mean JobQueued?') }],
      });
      const far = await gateway.as('get', '/api/v1/events?type=constructor').set(headers).expect(400);
      expect(far.body.errors[0].message).not.toContain('Did you mean');
      await gateway.as('get', '/api/v1/events?category=jobs').set(headers).expect(400);
    }
  });

  it.each(['soon', '-1', '1.5', '1e3', '99999999999999999999'])(
    'is not taken up behind an event that cannot be: %s',
    async (id) => {
      for (const path of ['/api/v1/events', '/api/ada/engine/jobs/p1.0/logs']) {
        const headers = { accept: 'text/event-stream', 'last-event-id': id };
        const { body } = await gateway.as('get', path).set(headers).expect(400);
        expect(body).toMatchObject({ code: 'invalid_request', errors: [{ pointer: '/Last-Event-ID' }] });
      }
    },
  );

  it('is followed: first what is stored, then what happens', async () => {
    const events = follow('pipeline=p1');
    const caughtUp: string[] = [];
    for (let n = 0; n < 6; n += 1) caughtUp.push((await events.next()).value!.event);
    expect(caughtUp).toEqual([
      'PipelineRequested',
      'PipelineStarted',
      'JobQueued',
      'JobHeld',
      'JobAssigned',
      'AttemptStarted',
    ]);
    const live = events.next();
    const [recorded] = await gateway.record('pipeline-p1', 'p1', PipelineReopened({ pipelineId: 'p1', jobId: 'p1.0' }));
    expect((await live).value).toMatchObject({
      id: recorded!.position,
      event: 'PipelineReopened',
      data: { position: recorded!.position },
    });
    await events.return(undefined);
  });

  it('is taken up again behind the last event that was seen', async () => {
    const [first, second] = (await read('limit=2')).items;
    const events = follow('', { 'last-event-id': String(first!.position) });
    expect((await events.next()).value).toMatchObject({ id: second!.position });
    await events.return(undefined);
  });
});
