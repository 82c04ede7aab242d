import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { figure, ms, percentile } from './lib/figures.mjs';
import { PATHS, ROUNDS, TREE, settle, timed, withTreeHosts } from './lib/tree-hosts.mjs';

/** A runner has worked before, for days and not for a second: so many rounds do not count. */
const BEFORE = 2;

const measured = async (bench, mounts) => {
  const host = await bench.host(mounts);
  await host.layers.mayMount();
  const rounds = [];
  for (let round = 0; round < BEFORE + 2 * ROUNDS; round += 1) rounds.push(await once(bench, host, round % 2 === 1));
  await host.end();
  const counted = rounds.slice(BEFORE);
  return Object.fromEntries(
    ['restore', 'unchanged', 'changed', 'resume'].map((name) => [name, percentile(counted.map((each) => each[name]))]),
  );
};

/** `resumesFirst`: a file system may be slower the more it was just given, so restore and resume take turns. */
const once = async (bench, host, resumesFirst) => {
  const tree = await host.workspace(bench.source).save(PATHS, undefined, host.objects);
  const places = [bench.fresh(), bench.fresh(), bench.fresh()];
  const [watched, plain, resumed] = places.map((place) => host.workspace(place));
  await watched.restore([tree], host.objects, {});
  // The first step leaves something: the next one, which is measured, nothing.
  writeFileSync(join(places[0], 'made'), 'by a step');
  let different;
  const changed = await timed(async () => {
    different = await watched.differences(host.objects);
  });
  const unchanged = await timed(() => watched.differences(host.objects));
  await watched.close();
  const took = {};
  const turns = [
    ['restore', plain, undefined],
    ['resume', resumed, { different }],
  ];
  for (const [name, workspace, from] of resumesFirst ? turns.toReversed() : turns) {
    // As on a runner that had neither tree before.
    await host.layers.mounted.close();
    settle();
    took[name] = await timed(() => workspace.restore([tree], host.objects, from));
    await workspace.close();
  }
  for (const place of places) rmSync(place, { recursive: true });
  return { ...took, unchanged, changed };
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
