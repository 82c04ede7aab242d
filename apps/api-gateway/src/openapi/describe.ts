import { SetMetadata } from '@nestjs/common';

export const DESCRIPTION = Symbol('description of a route');

export type Description = {
  summary: string;
  /** What a successful answer holds, in words. */
  answer?: string;
  /** Content types of a successful answer; JSON when absent. */
  produces?: readonly string[];
  /** Codes of `PROBLEMS` beyond those that any route may answer. */
  problems?: readonly string[];
  /** The route accepts `Idempotency-Key`. */
  idempotent?: boolean;
};

/** What the API document says about a route. It stands beside the route, so that the two change together. */
export const Describe = (summary: string, more: Omit<Description, 'summary'> = {}): MethodDecorator =>
  SetMetadata(DESCRIPTION, { summary, ...more } satisfies Description);
