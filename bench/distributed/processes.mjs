import { readFileSync } from 'node:fs';

/** Clock ticks per second, in which Linux counts a process's time. */
const TICKS = 100;

/** CPU seconds that a process has taken up to now, without its children. */
export const cpuOf = (pid) => {
  const [, rest] = /^\d+ \(.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const [utime, stime] = rest.split(' ').slice(11, 13).map(Number);
  return (utime + stime) / TICKS;
};

/** MiB of memory that a process holds, and of those the ones that it shares with no file. */
export const memoryOf = (pid) => {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const [all, own] = ['VmRSS', 'RssAnon'].map(
    (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)[1]) / 1024,
  );
  return { all, own };
};

/** The port that the event store of a cluster was given; its program says it nowhere else. */
export const eventStoreUrl = (cluster) => {
  const args = readFileSync(`/proc/${cluster.eventStore.pid}/cmdline`, 'utf8').split('\0');
  return `esdb://127.0.0.1:${args[args.indexOf('--port') + 1]}?tls=false`;
};
