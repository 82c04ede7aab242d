import type { ServiceName } from '@foldline/contracts';
import { logFields, type Logger } from '@foldline/kernel';
import { pino, type DestinationStream } from 'pino';

/**
 * Structured lines on standard error; standard output belongs to whoever started the program. Each carries what is being
 * worked on when it is written (`logAbout`), and `service` where the process is one service; what the line says itself
 * comes first.
 */
export const createLogger = (
  level: string,
  service?: ServiceName,
  to: DestinationStream = pino.destination({ fd: 2, sync: false }),
): Logger => {
  const own = service ? { service } : {};
  return pino({ level, base: undefined, mixin: () => ({ ...own, ...logFields() }) }, to);
};

/** The same log, for one service of several in a process: also what it writes by itself names it. */
export const loggerOf = (service: ServiceName, logger: Logger): Logger => ({
  debug: (fields, message) => logger.debug({ service, ...fields }, message),
  info: (fields, message) => logger.info({ service, ...fields }, message),
  warn: (fields, message) => logger.warn({ service, ...fields }, message),
  error: (fields, message) => logger.error({ service, ...fields }, message),
});
