/** A page of a log, from after a position. */
export type TailLog = {
  readAll: (query: { after: number; limit: number }) => Promise<{ type: string; stream: string; position: number }[]>;
  close: () => Promise<void>;
};

/** Looks at the log of a running system from outside. */
export class Tail {
  constructor(open: () => Promise<TailLog>);
  settled(withinMs: number): Promise<boolean>;
  get open(): string[];
}
