import { Injectable } from '@nestjs/common';

/**
 * Keeps commits and the deletion of bytes apart in this process: bytes are shared by content, so they must not go
 * between the moment a commit has seen them and the moment the log says so. Commits run side by side.
 */
@Injectable()
export class BlobGate {
  private readonly commits = new Set<Promise<unknown>>();
  private deletion: Promise<unknown> | undefined;

  async committing<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.deletion) await settled(this.deletion);
    const commit = work();
    this.commits.add(commit);
    try {
      return await commit;
    } finally {
      this.commits.delete(commit);
    }
  }

  async deleting<Result>(work: () => Promise<Result>): Promise<Result> {
    while (this.deletion) await settled(this.deletion);
    const deletion = Promise.allSettled(this.commits).then(work);
    this.deletion = deletion;
    try {
      return await deletion;
    } finally {
      this.deletion = undefined;
    }
  }
}

const settled = async (work: Promise<unknown>): Promise<void> => {
  await Promise.allSettled([work]);
};
