import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, ms, percentile } from './lib/figures.mjs';
import { PATHS, ROUNDS, TREE, settle, timed, withTreeHosts } from './lib/tree-hosts.mjs';

const measured = async (bench, mounts) => {
  const took = { restore: [], unchanged: [], changed: [], resume: [] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const host = await bench.host(mounts);
    await host.layers.mayMount();
    const tree = await host.workspace(bench.source).save(PATHS, undefined, host.objects);
    const places = [bench.fresh(), bench.fresh(), bench.fresh()];
    const [plain, watched, resumed] = places.map((place) => host.workspace(place));
    settle();
    took.restore.push(await timed(() => plain.restore([tree], host.objects)));
    await plain.close();
    await watched.restore([tree], host.objects, {});
    // The first step leaves something: the next one, which is measured, nothing.
    writeFileSync(join(places[1], 'made'), 'by a step');
    let different;
    took.changed.push(
      await timed(async () => {
        different = await watched.differences(host.objects);
      }),
    );
    for (let step = 0; step < 3; step += 1)
      took.unchanged.push(await timed(() => watched.differences(host.objects)));
    await watched.close();
    settle();
    took.resume.push(await timed(() => resumed.restore([tree], host.objects, { different })));
    await resumed.close();
    await host.end();
    for (const place of places) rmSync(place, { recursive: true });
  }
  return Object.fromEntries(Object.entries(took).map(([name, values]) => [name, percentile(values)]));
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
