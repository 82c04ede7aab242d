import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { unmountLeftovers } from '../../apps/runner/dist/layers/mounts.js';
import { createRandom } from '../faults/lib/random.mjs';

/**
 * Runners that restore and save the same caches at the same time, each killed again and again in the middle of it. Every
 * tree that is restored must be one that was saved, whole: `--operations 10000 --seed 1`.
 */
const { values } = parseArgs({
  options: { operations: { type: 'string', default: '10000' }, seed: { type: 'string', default: '1' } },
});
const OPERATIONS = Number(values.operations);
const HOSTS = 4;
const LONGEST_LIFE_MS = 4000;
const WORKER = fileURLToPath(new URL('lib/cache-worker.mjs', import.meta.url));

const random = createRandom(values.seed, 'kills');
const directory = mkdtempSync(join(tmpdir(), 'foldline-kill-caches-'));
const counts = { restored: 0, saved: 0, kills: 0, most: 0 };
const wrong = [];
const say = (text) => process.stdout.write(`${text}\n`);
const told = () => counts.restored + counts.saved;

const hear = (line) => {
  const [what, , layers] = line.split(' ');
  if (what === 'WRONG') wrong.push(line);
  else if (what in counts) counts[what] += 1;
  if (what === 'saved') counts.most = Math.max(counts.most, Number(layers));
};

/** One runner and those that take its place, on the same directory. */
const runHost = async (host) => {
  for (let life = 0; told() < OPERATIONS; life += 1) {
    const mounts = host % 2 === 0 ? 'mounts' : 'unpacks';
    const args = [WORKER, directory, `host-${host}`, `${values.seed}-${host}-${life}`, mounts];
    const runner = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const ended = new Promise((resolve) => runner.once('exit', (code, signal) => resolve({ code, signal })));
    createInterface(runner.stdout).on('line', hear);
    createInterface(runner.stderr).on('line', (line) => wrong.push(`host ${host}: ${line}`));
    await Promise.race([sleep(random.between(500, LONGEST_LIFE_MS)), ended]);
    runner.kill('SIGKILL');
    const { signal } = await ended;
    if (signal === 'SIGKILL') counts.kills += 1;
    else wrong.push(`host ${host} ended by itself`);
  }
};

/** What a killed runner had told to mount may be mounted a moment later. */
const removeAll = async () => {
  for (let left = 50; ; left -= 1) {
    unmountLeftovers(directory);
    try {
      return rmSync(directory, { recursive: true, force: true });
    } catch (error) {
      if (left === 0) throw error;
      await sleep(100);
    }
  }
};

try {
  await Promise.all(Array.from({ length: HOSTS }, (_, host) => runHost(host)));
} finally {
  const torn = readdirSync(join(directory, 'entries')).filter(
    (name) => !/^(?:one|two|three|four|five)(?:\.|$)/.test(name),
  );
  wrong.push(...torn);
  await removeAll();
}
for (const line of wrong.slice(0, 20)) say(line);
say(
  `${counts.restored} restored, ${counts.saved} saved, ${counts.kills} kills, up to ${counts.most} layers; wrong: ${wrong.length}`,
);
process.exitCode = wrong.length === 0 ? 0 : 1;
