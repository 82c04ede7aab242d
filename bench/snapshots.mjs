import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, ms, percentile } from './lib/figures.mjs';
import { PATHS, ROUNDS, TREE, settle, timed, withTreeHosts } from './lib/tree-hosts.mjs';

const measured = async (bench, mounts) => {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const host = await bench.host(mounts);
    await host.layers.mayMount();
    // A runner has worked before, for days and not for a second.
    await once(bench, host);
    rounds.push(await once(bench, host));
    await host.end();
  }
  return Object.fromEntries(
    ['restore', 'unchanged', 'changed', 'resume'].map((name) => [name, percentile(rounds.map((round) => round[name]))]),
  );
};

const once = async (bench, host) => {
  const tree = await host.workspace(bench.source).save(PATHS, undefined, host.objects);
  const places = [bench.fresh(), bench.fresh(), bench.fresh()];
  const [plain, watched, resumed] = places.map((place) => host.workspace(place));
  settle();
  const restore = await timed(() => plain.restore([tree], host.objects));
  await plain.close();
  await watched.restore([tree], host.objects, {});
  // The first step leaves something: the next one, which is measured, nothing.
  writeFileSync(join(places[1], 'made'), 'by a step');
  let different;
  const changed = await timed(async () => {
    different = await watched.differences(host.objects);
  });
  const unchanged = await timed(() => watched.differences(host.objects));
  await watched.close();
  settle();
  const resume = await timed(() => resumed.restore([tree], host.objects, { different }));
  await resumed.close();
  for (const place of places) rmSync(place, { recursive: true });
  return { restore, unchanged, changed, resume };
};

/** What it costs to keep the state between the steps of a job, and to go on from it. */
export const benchSnapshots = () =>
  withTreeHosts(async (bench) => {
    for (const [name, mounts] of Object.entries({ mounted: true, unpacked: false })) {
      const { restore, changed, unchanged, resume } = await measured(bench, mounts);
      figure(`snapshot of one new file, ${TREE.files} files ${name}`, ms(changed));
      figure(`snapshot after a step that changed nothing, ${name}`, ms(unchanged), '<= 60 ms', unchanged <= 60);
      figure(`restore, ${name}`, ms(restore));
      const limit = 1.2 * restore;
      figure(`resume, ${name}`, ms(resume), `<= ${ms(limit)} (1.2 × restore)`, resume <= limit);
    }
  });
