import { pino } from 'pino';
import type { Logger } from '@foldline/kernel';

/** Structured lines on standard error; standard output belongs to whoever started the program. */
export const createLogger = (level: string): Logger =>
  pino({ level, base: undefined }, pino.destination({ fd: 2, sync: false }));
