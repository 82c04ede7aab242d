/** The status with which the daemon answered; nothing where it did not answer. */
export const statusOf = (error: unknown): number | undefined => {
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  return typeof status === 'number' ? status : undefined;
};

export const detailOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** What the daemon tells of its own work, after it has answered. */
export class DaemonReport extends Error {
  override readonly name = 'DaemonReport';
}

/** A daemon that neither answered nor reported is not there. */
export const isSilent = (error: unknown): boolean => statusOf(error) === undefined && !(error instanceof DaemonReport);
