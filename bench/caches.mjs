import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { figure, ms, percentile } from './lib/figures.mjs';
import { changeSome } from './lib/tree.mjs';
import { PATHS, ROUNDS, TREE, settle, timed, warm, withTreeHosts } from './lib/tree-hosts.mjs';

const peers = (bench) => {
  const archive = join(bench.directory, 'peer.tar.zst');
  const shell = (command) =>
    spawnSync('bash', ['-c', `set -o pipefail; ${command}`], { cwd: bench.directory }).status === 0;
  if (!shell('zstd --version && tar --version')) return undefined;
  const took = (command) => {
    const began = performance.now();
    if (!shell(command)) throw new Error(`could not ${command}`);
    return performance.now() - began;
  };
  const saving = (command) => {
    rmSync(archive, { force: true });
    settle();
    warm(bench.source);
    // What is stored is on the disk when that is said, there and here.
    return took(`${command} && sync ${archive}`);
  };
  const hasSquashfs = shell('command -v mksquashfs');
  const saves = { image: [], archive: [] };
  const restores = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    if (hasSquashfs) saves.image.push(saving(`mksquashfs source ${archive} -comp lz4 -quiet -no-progress >/dev/null`));
    saves.archive.push(saving(`tar -C source -cf - node_modules | zstd -q -1 -T0 -o ${archive}`));
    const into = bench.fresh();
    settle();
    restores.push(took(`zstd -q -d -c ${archive} | tar -C ${into} -xf -`));
    rmSync(into, { recursive: true });
  }
  return {
    save: percentile(saves.archive),
    ...(hasSquashfs && { image: percentile(saves.image) }),
    restore: percentile(restores),
  };
};

const ours = async (bench, mounts) => {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const host = await bench.host(mounts);
    await host.layers.mayMount();
    // A runner has worked before, for days and not for a second.
    await once(bench, host);
    rounds.push(await once(bench, host));
    await host.end();
  }
  const median = (name) => percentile(rounds.map((round) => round[name]));
  return {
    save: median('save'),
    restore: median('restore'),
    again: median('again'),
    digests: rounds.flatMap(({ digests }) => digests),
  };
};

const once = async (bench, host) => {
  settle();
  warm(bench.source);
  let first;
  const save = await timed(async () => {
    first = await host.workspace(bench.source).save(PATHS, undefined, host.objects);
  });
  const place = bench.fresh();
  const workspace = host.workspace(place);
  settle();
  const restore = await timed(() => workspace.restore([first], host.objects));
  changeSome(
    bench.paths.map((path) => path.replace(bench.source, place)),
    100,
  );
  settle();
  let second;
  const again = await timed(async () => {
    second = await workspace.save(PATHS, first, host.objects);
  });
  await workspace.close();
  rmSync(place, { recursive: true });
  return { save, restore, again, digests: [first.contentDigest, second.contentDigest] };
};

/** A tree as large as what a package manager leaves, saved and restored. */
export const benchCaches = () =>
  withTreeHosts(async (bench) => {
    const peer = peers(bench);
    const unpacked = await ours(bench, false);
    const mounted = await ours(bench, true);
    if (peer) {
      figure('tar | zstd -1 -T0 && sync, save', ms(peer.save), 'the peer');
      if (peer.image) figure('mksquashfs -comp lz4 && sync, save', ms(peer.image), 'the peer');
      figure('zstd -d | tar, restore', ms(peer.restore), 'the peer');
      const limit = 1.2 * Math.min(peer.save, peer.image ?? peer.save);
      figure(
        `save of ${TREE.files} files, 300 MB`,
        ms(unpacked.save),
        `<= ${ms(limit)} (1.2 × the best)`,
        unpacked.save <= limit,
      );
      const slow = 1.1 * peer.restore;
      figure(
        'restore without the right to mount',
        ms(unpacked.restore),
        `<= ${ms(slow)} (1.1 ×)`,
        unpacked.restore <= slow,
      );
    }
    figure('restore where mounts are allowed', ms(mounted.restore), '<= 60 ms', mounted.restore <= 60);
    for (const [name, { save, again }] of Object.entries({ unpacked, mounted }))
      figure(`second save, 1 % changed, ${name}`, ms(again), `<= ${ms(save / 4)} (0.25 ×)`, again <= save / 4);
    const same = new Set([...unpacked.digests, ...mounted.digests]).size === 2;
    figure('one content digest either way', same, 'true', same);
  });
