import { describe, expect, it } from '@jest/globals';
import {
  COLLECTION,
  ProcessModeSet,
  ResourceExpected,
  ResourceGranted,
  ResourceReleased,
  ResourceRequested,
  type NewEvent,
  type ResourceGroupDoc,
} from '@foldline/contracts';
import { documentAfter, indexesOf, timeAt } from './history.fixture.ts';

const group = { groupId: 'g1', projectId: 'pr1', group: 'production' };
const job = (jobId: string) => ({ ...group, pipelineId: 'p1', jobId, attempt: 1 });
const expected = ResourceExpected({ ...group, pipelineId: 'p1', indexes: [0, 1] });
const mode = ProcessModeSet({ ...group, processMode: 'oldest_first' });
const granted = [expected, ResourceRequested(job('p1.0')), ResourceGranted(job('p1.0'))];

const after = (...events: NewEvent[]): ResourceGroupDoc =>
  documentAfter<ResourceGroupDoc>(COLLECTION.resourceGroups, 'g1', ...events)!;

describe('a resource group document', () => {
  it('exists from when a pipeline has a job of it', () => {
    expect(after(expected)).toEqual({ id: 'g1', projectId: 'pr1', name: 'production', processMode: 'unordered' });
    expect(indexesOf(COLLECTION.resourceGroups, after(expected))).toEqual({ byProject: 'pr1/production' });
  });

  it('exists from when somebody set its mode, and keeps that', () => {
    expect(after(mode)).toMatchObject({ name: 'production', processMode: 'oldest_first' });
    expect(after(mode, expected).processMode).toBe('oldest_first');
    expect(after(expected, mode).processMode).toBe('oldest_first');
  });

  it('names the job that holds it, since when', () => {
    expect(after(...granted).holder).toEqual({ pipelineId: 'p1', jobId: 'p1.0', since: timeAt(3) });
    expect(after(...granted, ResourceReleased(job('p1.1'))).holder?.jobId).toBe('p1.0');
    expect(after(...granted, ResourceReleased(job('p1.0')))).not.toHaveProperty('holder');
  });
});
