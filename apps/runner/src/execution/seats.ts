/** Small numbers, each held by one at a time: of those with the same key everybody gets the lowest that is free. */
export class Seats {
  private readonly taken = new Map<string, Set<number>>();

  take(key: string): { number: number; leave: () => void } {
    const seats = this.taken.get(key) ?? new Set<number>();
    this.taken.set(key, seats);
    let number = 0;
    while (seats.has(number)) number += 1;
    seats.add(number);
    const leave = (): void => {
      seats.delete(number);
      if (seats.size === 0) this.taken.delete(key);
    };
    return { number, leave };
  }
}
