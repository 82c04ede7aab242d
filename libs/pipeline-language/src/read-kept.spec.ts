import { describe, expect, it } from '@jest/globals';
import { COLLECTION, type JobDoc, type PipelineDoc, type ProjectDoc } from '@foldline/contracts';
import { projectIdOf } from '@foldline/kernel';
import type { KeptLocation } from './elsewhere.ts';
import { keptReader } from './read-kept.ts';

const asking = { id: projectIdOf('acme', 'app'), owner: 'acme', name: 'app', url: '/app', defaultBranch: 'main' };
const other = { ...asking, id: projectIdOf('acme', 'library'), name: 'library' };

type Job = Pick<JobDoc, 'id' | 'name' | 'status' | 'attempt'> & { definition?: string; projectId?: string };
const job = ({ definition, projectId = asking.id, ...rest }: Job) =>
  ({ ...rest, projectId, definition: definition ?? rest.name }) as JobDoc;
const pipeline = (id: string, ref = 'main') => ({ id, ref, sha: `sha of ${id}` }) as PipelineDoc;

type Known = { jobs?: Record<string, JobDoc[]>; pipelines?: PipelineDoc[]; callers?: string[] };

/** What is found, and how often documents were asked for. */
const reading = ({ jobs = {}, pipelines = [], callers }: Known) => {
  const asked: string[] = [];
  const query = async (collection: string, { prefix = '' }: { prefix?: string }) => {
    asked.push(`${collection} ${prefix}`);
    const items = collection === COLLECTION.jobs ? (jobs[prefix.slice(0, -1)] ?? []) : pipelines;
    return { items: items as never[] };
  };
  const findProject = async (id: string): Promise<ProjectDoc | undefined> =>
    id === other.id ? ({ ...other, ...(callers && { callers }) } as unknown as ProjectDoc) : undefined;
  const read = keptReader({ documents: async () => ({ query }), findProject }, asking);
  const found = async (location: KeptLocation): Promise<unknown> => {
    const answer = await read(location);
    return 'bytes' in answer ? JSON.parse(new TextDecoder().decode(answer.bytes)) : answer.problem;
  };
  return { found, asked };
};
const ofParent = (name: string): KeptLocation => ({ kind: 'kept', job: name, pipeline: 'up1' });
const ofLibrary: KeptLocation = { kind: 'kept', job: 'build', project: 'Acme/Library', ref: 'main' };

describe('The attempts of a job of the pipeline above', () => {
  const up1 = [
    job({ id: 'up1.0', name: 'build 1/2', definition: 'build', status: 'success', attempt: 2 }),
    job({ id: 'up1.1', name: 'build 2/2', definition: 'build', status: 'failed', attempt: 1 }),
    job({ id: 'up1.2', name: 'again', status: 'running', attempt: 3 }),
    job({ id: 'up1.3', name: 'first', status: 'running', attempt: 1 }),
    job({ id: 'up1.4', name: 'foreign', status: 'success', attempt: 1, projectId: 'another' }),
  ];

  it.each([
    [
      'build',
      [
        ['up1.0', 2],
        ['up1.1', 1],
      ],
      'the last of each of its copies',
    ],
    ['build 2/2', [['up1.1', 1]], 'that of the copy of the name'],
    ['again', [['up1.2', 2]], 'what it kept before, where it runs again'],
    ['first', [], 'none, where it has not ended'],
  ] as const)('of %s are %j: %s', async (name, expected, _which) => {
    const { found } = reading({ jobs: { up1 } });
    expect(await found(ofParent(name))).toEqual(expected.map(([jobId, attempt]) => ({ jobId, attempt })));
  });

  it.each(['nobody', 'foreign'])(
    'of %s are no list, for its pipeline has no such job of this project',
    async (name) => {
      expect(await reading({ jobs: { up1 } }).found(ofParent(name))).toBeNull();
    },
  );

  it('cost one look at its jobs, however many are asked for', async () => {
    const { found, asked } = reading({ jobs: { up1 } });
    await Promise.all(['build', 'again', 'first'].map((name) => found(ofParent(name))));
    expect(asked).toEqual(['jobs up1/']);
  });
});

describe('The attempts of a job of another project', () => {
  const built = (id: string, status: JobDoc['status']) => [job({ id: `${id}.0`, name: 'build', status, attempt: 1 })];
  const known: Known = {
    callers: ['acme/app'],
    pipelines: [pipeline('p4', 'other'), pipeline('p3'), pipeline('p2'), pipeline('p1')],
    jobs: {
      p4: built('p4', 'success'),
      p3: built('p3', 'failed'),
      p2: built('p2', 'success'),
      p1: built('p1', 'success'),
    },
  };

  it('are those of the newest pipeline of the ref in which it succeeded', async () =>
    expect(await reading(known).found(ofLibrary)).toEqual([{ jobId: 'p2.0', attempt: 1 }]));

  it('are none where it never did', async () =>
    expect(await reading({ ...known, jobs: { p3: built('p3', 'failed') } }).found(ofLibrary)).toEqual([]));

  it('are nobody else’s, and it is not told whether the project is there', async () => {
    expect(await reading({ ...known, callers: [] }).found(ofLibrary)).toBe('include-not-allowed');
    const nowhere: KeptLocation = { kind: 'kept', job: 'build', project: 'acme/none', ref: 'main' };
    expect(await reading(known).found(nowhere)).toBe('include-not-allowed');
  });
});
