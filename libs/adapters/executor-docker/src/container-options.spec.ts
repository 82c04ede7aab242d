import { describe, expect, it } from '@jest/globals';
import { containerOptions } from './container-options.ts';

type More = { isReadOnly?: boolean; memoryBytes?: number; cpus?: number };

const optionsWith = ({ isReadOnly = false, ...more }: More = {}) =>
  containerOptions({
    labels: {},
    image: 'node:22',
    mounts: [{ from: '/data/a:b/workspace', at: '/builds/ada/engine' }],
    network: 'none',
    limits: { pids: 100, isReadOnly },
    ...more,
  });

describe('The container of a job', () => {
  it('sees of the host what it is given, whatever characters are in the path', () =>
    expect(optionsWith().HostConfig).toMatchObject({
      Mounts: [{ Type: 'bind', Source: '/data/a:b/workspace', Target: '/builds/ada/engine' }],
    }));

  it('gains no right that its image does not give, and none beyond the container', () => {
    const { HostConfig = {} } = optionsWith();
    expect(HostConfig).toMatchObject({ CapDrop: ['ALL'], SecurityOpt: ['no-new-privileges'], PidsLimit: 100 });
    for (const right of ['SYS_ADMIN', 'NET_ADMIN', 'NET_RAW', 'MKNOD', 'SYS_PTRACE'])
      expect(HostConfig.CapAdd).not.toContain(right);
    expect(HostConfig.Privileged).toBeUndefined();
  });

  it('has no more memory by swap, and as much processor as it may', () =>
    expect(optionsWith({ memoryBytes: 512 * 1024 * 1024, cpus: 0.5 }).HostConfig).toMatchObject({
      Memory: 512 * 1024 * 1024,
      MemorySwap: 512 * 1024 * 1024,
      NanoCpus: 500_000_000,
    }));

  it('has the bounds and the user of its runner where it asks for nothing, or where they are for all', () => {
    const limits = { pids: 100, memoryBytes: 2 ** 30, cpus: 2, user: '1000:1000' };
    const own = { labels: {}, image: 'x', mounts: [], network: 'none', limits };
    expect(containerOptions({ ...own, user: 'root' })).toMatchObject({
      User: '1000:1000',
      HostConfig: { Memory: 2 ** 30, NanoCpus: 2e9, PidsLimit: 100 },
    });
    expect(containerOptions({ ...own, memoryBytes: 2 ** 20, cpus: 1 }).HostConfig).toMatchObject({
      Memory: 2 ** 20,
      NanoCpus: 1e9,
    });
  });

  it('never asks for more processor than its host has, which the daemon would refuse', () => {
    const own = { labels: {}, image: 'x', mounts: [], network: 'none' };
    const limits = { pids: 100, cpus: 1000, cpusOfHost: 2 };
    expect(containerOptions({ ...own, limits }).HostConfig).toMatchObject({ NanoCpus: 2e9 });
    expect(containerOptions({ ...own, limits, cpus: 3 }).HostConfig).toMatchObject({ NanoCpus: 2e9 });
    expect(containerOptions({ ...own, limits, cpus: 1.5 }).HostConfig).toMatchObject({ NanoCpus: 1.5e9 });
  });

  it('that is read-only has memory to write to where programs expect it, and half of its own at most', () => {
    expect(optionsWith({ isReadOnly: true }).HostConfig).toMatchObject({
      ReadonlyRootfs: true,
      Tmpfs: { '/tmp': `mode=1777,size=${2 ** 30}` },
    });
    expect(optionsWith({ isReadOnly: true, memoryBytes: 2 ** 29 }).HostConfig).toMatchObject({
      Tmpfs: { '/tmp': `mode=1777,size=${2 ** 28}` },
    });
  });

  it('holds nothing of the job but its name: variables come with the script', () =>
    expect(optionsWith()).not.toHaveProperty('Env'));

  it('keeps the entrypoint of its image unless the job names another', () => {
    expect(optionsWith()).not.toHaveProperty('Entrypoint');
    const own = { labels: {}, image: 'x', mounts: [], network: 'none', limits: { pids: 1 } };
    for (const entrypoint of [[], ['']])
      expect(containerOptions({ ...own, entrypoint })).toMatchObject({ Entrypoint: [''] });
  });
});
