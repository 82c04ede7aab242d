import { parentPort } from 'node:worker_threads';

export type Request<Operation> = { id: number; operation: Operation };
export type Reply<Result> =
  { id: number; result: Result } | { id: number; error: { code: string | undefined; message: string } };

/** Carries out what a `ThreadClient` asks for, one after the other. */
export const serveThread = <Operation, Result>(perform: (operation: Operation) => Result | Promise<Result>): void => {
  let last: Promise<void> = Promise.resolve();
  const answer = async ({ id, operation }: Request<Operation>): Promise<void> => {
    try {
      parentPort!.postMessage({ id, result: await perform(operation) } satisfies Reply<Result>);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      parentPort!.postMessage({ id, error: { code, message } } satisfies Reply<Result>);
    }
  };
  parentPort!.on('message', (request: Request<Operation>) => {
    last = last.then(() => answer(request));
  });
};
