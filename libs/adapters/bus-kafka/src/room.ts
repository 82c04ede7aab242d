/** Counts what is under way. */
export class Room {
  private taken = 0;
  private wake: () => void = () => undefined;

  constructor(private readonly size: number) {}

  take(): void {
    this.taken += 1;
  }

  giveBack(): void {
    this.taken -= 1;
    if (this.taken <= this.size) this.wake();
  }

  /** Resolves when no more is under way than there is room for. */
  async left(): Promise<void> {
    if (this.taken <= this.size) return;
    await new Promise<void>((resolve) => {
      this.wake = resolve;
    });
  }
}
