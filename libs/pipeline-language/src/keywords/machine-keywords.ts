import type { ClusterPower, RunnerRequirements } from '@foldline/contracts';
import type { Fields } from '../grammar/record.ts';
import { boolean, integer } from '../grammar/shape.ts';
import { retry, type Retry } from './retry.ts';
import { cluster, resources, tags } from './runner.ts';
import { timeout } from './timing.ts';

/** On which machine a job runs, how long, and how often. */
export type Machine = {
  cluster: ClusterPower;
  resources: Pick<RunnerRequirements, 'cpu' | 'memoryBytes' | 'diskBytes'>;
  tags: string[];
  priority: number;
  interruptible: boolean;
  retry: Retry;
  timeout: number;
};

export const machine: Fields<Machine> = {
  cluster: { shape: cluster, description: 'The power of the machine.', example: 'high-power' },
  resources: {
    shape: resources,
    description: 'Room that the job asks for on a runner.',
    example: { cpu: 4, memory: '8GB', disk: '20GB' },
  },
  tags: { shape: tags, description: 'Labels of a runner; it must have all of them.', example: ['linux', 'gpu'] },
  priority: {
    shape: integer(0, 10),
    description: 'Jobs of higher priority go first.',
    default: 5,
    example: 8,
  },
  interruptible: {
    shape: boolean,
    description: 'Whether the job may be stopped for one of higher priority, or for a newer pipeline of its branch.',
    default: false,
    example: true,
  },
  retry: {
    shape: retry,
    description: 'How many times the job is tried again, and after which failures.',
    default: 0,
    example: { max: 2, when: ['runner_system_failure'] },
  },
  timeout: {
    shape: timeout,
    description: 'How long the script may take, at most seven days.',
    default: '1 hour',
    example: '1h 30m',
  },
};
