import { PatternAutomaton } from './pattern-automaton.ts';
import { formsOf } from './secret-forms.ts';

const REPLACEMENT = Buffer.from('[masked]');

export type Masker = {
  /** What may be shown now; the end of the input that could still become a secret is held back. */
  push: (chunk: Buffer) => Buffer;
  /** The rest, when nothing more comes. */
  end: () => Buffer;
};

type Hidden = { start: number; end: number; told: boolean };

/** Hides secrets in a stream of bytes, however the stream is cut into chunks. Overlapping secrets are hidden as one. */
export const createMasker = (secrets: readonly string[]): Masker => {
  const forms = new Set(secrets.flatMap((secret) => [...formsOf(secret)]));
  if (forms.size === 0) return { push: (chunk) => chunk, end: () => Buffer.alloc(0) };
  return new StreamMasker(new PatternAutomaton([...forms].map((form) => Buffer.from(form))));
};

/** Hides secrets in short texts that leave the runner by another way than the log: names, keys. */
export const textMasker = (secrets: readonly string[]): ((text: string) => string) => {
  let masker: Masker | undefined;
  return (text) => {
    masker ??= createMasker(secrets);
    return Buffer.concat([masker.push(Buffer.from(text)), masker.end()]).toString('utf8');
  };
};

class StreamMasker implements Masker {
  private held: Buffer = Buffer.alloc(0);
  private state: number = PatternAutomaton.START;
  /** Places to hide in `held`, in order, not overlapping. */
  private hidden: Hidden[] = [];

  constructor(private readonly automaton: PatternAutomaton) {}

  push(chunk: Buffer): Buffer {
    const known = this.held.length;
    const data = known === 0 ? chunk : Buffer.concat([this.held, chunk]);
    this.scan(data, known);
    return this.show(data, data.length - this.automaton.depth(this.state));
  }

  end(): Buffer {
    this.state = PatternAutomaton.START;
    return this.show(this.held, this.held.length);
  }

  private scan(data: Buffer, from: number): void {
    const { automaton } = this;
    let { state } = this;
    for (let at = from; at < data.length; at += 1) {
      if (state === PatternAutomaton.START) {
        at = automaton.skip(data, at);
        if (at === data.length) break;
      }
      state = automaton.next(state, data[at]!);
      const length = automaton.matchLength(state);
      if (length > 0) this.hide(at + 1 - length, at + 1);
    }
    this.state = state;
  }

  private hide(start: number, end: number): void {
    let place: Hidden = { start, end, told: false };
    for (let last = this.hidden.at(-1); last && last.end > place.start; last = this.hidden.at(-1)) {
      place = { start: Math.min(last.start, place.start), end: Math.max(last.end, place.end), told: last.told };
      this.hidden.pop();
    }
    this.hidden.push(place);
  }

  /** Everything before `until` with the hidden places replaced; keeps the rest for later. */
  private show(data: Buffer, until: number): Buffer {
    const shown: Buffer[] = [];
    let at = 0;
    while (this.hidden[0] && this.hidden[0].start < until) {
      const place = this.hidden[0];
      shown.push(data.subarray(at, Math.max(at, place.start)));
      if (!place.told) shown.push(REPLACEMENT);
      at = Math.min(place.end, until);
      if (place.end > until) {
        this.hidden[0] = { start: until, end: place.end, told: true };
        break;
      }
      this.hidden.shift();
    }
    if (at < until) shown.push(data.subarray(at, until));
    this.held = data.subarray(until);
    this.hidden = this.hidden.map(({ start, end, told }) => ({ start: start - until, end: end - until, told }));
    return shown.length === 1 ? shown[0]! : Buffer.concat(shown);
  }
}
