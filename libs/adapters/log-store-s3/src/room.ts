import { TransientError } from '@foldline/kernel';

/** Counts the bytes that wait to be uploaded and keeps writers waiting while there are too many. */
export class Room {
  private used = 0;
  private readonly waiting = new Set<() => void>();

  constructor(private readonly limit: number) {}

  add(bytes: number): void {
    this.used += bytes;
    if (bytes >= 0) return;
    for (const wake of this.waiting) wake();
    this.waiting.clear();
  }

  has(bytes: number): boolean {
    return this.used === 0 || this.used + bytes <= this.limit;
  }

  /** Resolves when something was uploaded; fails when nothing was for so long. */
  async change(milliseconds: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const wake = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.waiting.delete(wake);
        reject(new TransientError(`${this.used} bytes of logs wait to be uploaded, and there is room for no more`));
      }, milliseconds);
      this.waiting.add(wake);
    });
  }
}
