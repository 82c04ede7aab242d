import { ApiError } from '@foldline/client';
import { CommandFailure, EXIT } from '../command-failure.ts';

/** Asks the server at the URL; what goes wrong becomes a `CommandFailure` with its exit code. */
export const asking = async <Answer>(url: string, ask: () => Promise<Answer>): Promise<Answer> => {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ApiError) throw refused(error);
    if (isFetchFailure(error))
      throw new CommandFailure(EXIT.unreachable, `${url} cannot be reached: ${reasonOf(error)}`);
    throw error;
  }
};

const refused = ({ status, code, message }: ApiError): CommandFailure => {
  if (status === 401 || status === 403) return new CommandFailure(EXIT.notLetIn, `not let in: ${message} (${code})`);
  if (status === 404) return new CommandFailure(EXIT.notFound, `${message} (${code})`);
  return new CommandFailure(EXIT.failed, `${message} (${code}, ${status})`);
};

/** What `fetch` throws when there was no answer. */
const isFetchFailure = (error: unknown): error is TypeError => error instanceof TypeError && error.cause !== undefined;

const reasonOf = ({ cause, message }: TypeError): string => {
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0].message;
  return cause instanceof Error && cause.message !== '' ? cause.message : message;
};
