import type { BuildStatus, Vertex } from './build-status.ts';

type Step = { number: number; started: number; isOver: boolean; rest: string };

const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)}s`;

/** A build as readable lines, in the manner of `docker build --progress=plain`: steps have numbers, output has times. */
export class BuildLog {
  private readonly steps = new Map<string, Step>();
  private readonly known = new Set<string>();
  /** The steps that failed, by what they are called. */
  readonly failed: string[] = [];

  /** The lines that this status adds. */
  take({ vertices, logs }: BuildStatus): string {
    let text = '';
    for (const vertex of vertices) text += this.begun(vertex);
    for (const { digest, at, text: output } of logs) text += this.output(digest, at, output.toString());
    for (const vertex of vertices) text += this.ended(vertex);
    return text;
  }

  /** How much of what is known to be done is done. */
  get percent(): number {
    const done = [...this.steps.values()].filter(({ isOver }) => isOver).length;
    return this.known.size === 0 ? 0 : Math.floor((100 * done) / this.known.size);
  }

  private begun({ digest, name, started }: Vertex): string {
    this.known.add(digest);
    if (started === undefined || this.steps.has(digest)) return '';
    const number = this.steps.size + 1;
    this.steps.set(digest, { number, started, isOver: false, rest: '' });
    return `#${number} ${name}\n`;
  }

  /** Whole lines, each with its step and its time; what is left of the last one waits for its end. */
  private output(digest: string, at: number, text: string): string {
    const step = this.steps.get(digest);
    if (!step) return text;
    const lines = (step.rest + text).split(/\r?\n/);
    step.rest = lines.pop()!;
    return lines.map((line) => `#${step.number} ${((at - step.started) / 1000).toFixed(3)} ${line}\n`).join('');
  }

  private ended({ digest, name, cached, completed, error }: Vertex): string {
    const step = this.steps.get(digest);
    if (!step || completed === undefined || step.isOver) return '';
    step.isOver = true;
    const rest = step.rest === '' ? '' : `#${step.number} ${step.rest}\n`;
    if (error !== undefined) {
      this.failed.push(name);
      return `${rest}#${step.number} ERROR: ${error}\n`;
    }
    return `${rest}#${step.number} ${cached ? 'CACHED' : `DONE ${seconds(completed - step.started)}`}\n`;
  }
}
