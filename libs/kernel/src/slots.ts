/** Lets a fixed number of pieces of work run at once; the others wait in the order in which they came. */
export class Slots {
  private readonly waiting: (() => void)[] = [];
  private used = 0;

  constructor(private readonly limit: number) {}

  async use<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.used >= this.limit) await new Promise<void>((resolve) => this.waiting.push(resolve));
    else this.used += 1;
    try {
      return await work();
    } finally {
      // The slot goes straight to the next in line, so nobody can slip in between.
      const next = this.waiting.shift();
      if (next) next();
      else this.used -= 1;
    }
  }
}
