import { PROJECT, type Accepted, type PipelineAnswer } from '@foldline/client';
import type { Hosts } from './hosts.fixture.ts';

const LANES = 2;

/** Pipelines that are asked for one after the other, whatever happens to the processes meanwhile. */
export class SteadyLoad {
  private readonly lanes: Promise<void>[];
  private readonly ended: PipelineAnswer[] = [];
  private stopping = false;

  constructor(private readonly hosts: Hosts) {
    this.lanes = Array.from({ length: LANES }, () => this.lane());
  }

  /** Every pipeline that was accepted, as it ended. */
  async stop(): Promise<readonly PipelineAnswer[]> {
    this.stopping = true;
    await Promise.all(this.lanes);
    return this.ended;
  }

  private async lane(): Promise<void> {
    while (!this.stopping) {
      const { id } = await this.hosts.answered((client) =>
        client.post<Accepted>(`/api/${PROJECT}/pipelines`, { ref: 'main', variables: {} }),
      );
      this.ended.push(await this.hosts.ended(id));
    }
  }
}
