import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const LINE = /^line (\d+) of \S+ at (\S+),/;

/** What the jobs wrote beside the log, with the times since boot as times of day (ms). */
export const readSide = (directory) => {
  const bootedAt = Date.now() - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  return new Map(
    readdirSync(directory).map((attemptId) => {
      const lines = readFileSync(join(directory, attemptId), 'utf8').split('\n').filter(Boolean);
      const parsed = lines.map((text) => {
        const [, number, at] = LINE.exec(text) ?? [];
        return { text, number: Number(number), at: bootedAt + Number(at) * 1000 };
      });
      return [attemptId, parsed];
    }),
  );
};
