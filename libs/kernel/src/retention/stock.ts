import type { PruneReason } from '@foldline/contracts';

export const DAY_MS = 24 * 60 * 60 * 1000;

/** What is kept, as it is stored; nothing takes what is in use. */
export type Kept = {
  id: string;
  projectId: string;
  objects: readonly { digest: string; bytes: number }[];
  inUse: boolean;
};

/** What is to go. `frees`: the bytes of its objects that nothing that stays has. */
export type Going = { id: string; frees: number; because: PruneReason };

/** What may be taken. Times are RFC 3339 in UTC with milliseconds, which sort as text. */
export const oldestFirst = <Each extends Kept>(all: readonly Each[], timeOf: (each: Each) => string): Each[] =>
  all.filter(({ inUse }) => !inUse).toSorted((a, b) => compare(timeOf(a), timeOf(b)) || compare(a.id, b.id));

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

type Objects = Kept['objects'];

/**
 * Which objects lie there for how many of what is kept, in all and for each project. `held` are those that something else
 * has, too: they count, and taking them frees nothing.
 */
export class Stock {
  private readonly all = new Shelf();
  private readonly ofProject = new Map<string, Shelf>();

  constructor(
    kept: readonly Kept[],
    private readonly held: ReadonlySet<string>,
  ) {
    for (const each of kept) {
      this.all.put(each);
      const shelf = this.ofProject.get(each.projectId) ?? new Shelf();
      this.ofProject.set(each.projectId, shelf);
      shelf.put(each);
    }
  }

  get bytes(): number {
    return this.all.bytes;
  }

  bytesOf(projectId: string): number {
    return this.ofProject.get(projectId)?.bytes ?? 0;
  }

  /** Answers the bytes that this frees. */
  remove(each: Kept): number {
    this.ofProject.get(each.projectId)?.take(each);
    return sum(this.all.take(each).filter(({ digest }) => !this.held.has(digest)));
  }
}

class Shelf {
  bytes = 0;
  private readonly users = new Map<string, number>();

  put({ objects }: Kept): void {
    for (const { digest, bytes } of distinct(objects)) {
      const users = this.users.get(digest) ?? 0;
      if (users === 0) this.bytes += bytes;
      this.users.set(digest, users + 1);
    }
  }

  /** Answers what nobody has any more. */
  take({ objects }: Kept): Objects {
    const left = distinct(objects).filter(({ digest }) => {
      const users = this.users.get(digest)! - 1;
      this.users.set(digest, users);
      return users === 0;
    });
    this.bytes -= sum(left);
    return left;
  }
}

const distinct = (objects: Objects): Objects => [...new Map(objects.map((object) => [object.digest, object])).values()];

const sum = (objects: Objects): number => objects.reduce((total, { bytes }) => total + bytes, 0);
