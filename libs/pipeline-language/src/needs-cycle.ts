import type { Links } from './needs.ts';
import { shorten } from './node.ts';
import type { Report } from './report.ts';
import type { Selected } from './selected.ts';

type Frame = { job: Selected; next: number };

/** One walk over all edges, without recursion, so that a chain of any length is fine. */
export const reportCycles = (links: ReadonlyMap<Selected, Links>, report: Report): void => {
  const done = new Set<Selected>();
  const open = new Set<Selected>();
  for (const start of links.keys()) {
    const path: Frame[] = done.has(start) ? [] : [{ job: start, next: 0 }];
    if (path.length > 0) open.add(start);
    while (path.length > 0) {
      const frame = path.at(-1)!;
      const needed = links.get(frame.job)?.needs?.[frame.next++]?.job;
      if (needed === undefined) {
        done.add(frame.job);
        open.delete(frame.job);
        path.pop();
      } else if (open.has(needed)) reportCycle(path, needed, report);
      else if (!done.has(needed)) {
        open.add(needed);
        path.push({ job: needed, next: 0 });
      }
    }
  }
};

const reportCycle = (path: readonly Frame[], needed: Selected, report: Report): void => {
  const jobs = path.map(({ job }) => job);
  const circle = [...jobs.slice(jobs.indexOf(needed)), needed];
  const shown = circle.length > 8 ? [...circle.slice(0, 7), '…', needed] : circle;
  const names = shown.map((job) => (typeof job === 'string' ? job : `\`${shorten(job.job.name)}\``)).join(' → ');
  const at = needed.job.keywords.get('needs')?.at ?? needed.job.at;
  report.error('needs-cycle', at, `These jobs wait for each other: ${names}.`, 'Take one of them out of `needs`.');
};
