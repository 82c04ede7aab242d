import { describe, expect, it } from '@jest/globals';
import { daemonOptions, differences, type DaemonContainer } from './daemon-options.ts';

const DAEMON: DaemonContainer = {
  image: 'sha256:1',
  entrypoint: ['dockerd-entrypoint.sh'],
  flags: ['--mtu=1400'],
  environment: { HTTPS_PROXY: 'http://proxy', no_proxy: 'internal', DEPLOY_TOKEN: 'secret', DOCKER_HOST: 'tcp://a:1' },
  directory: '/data/containers/daemon-1/run',
  labels: { 'foldline.instance': 'one' },
  network: 'network-1',
  limits: { pids: 64 },
  memoryBytes: 2 ** 30,
  nameServers: ['10.0.0.2'],
};
const options = daemonOptions(DAEMON);
const { HostConfig } = options;

describe('The container of a pipeline’s own Docker daemon', () => {
  it('has the rights that a daemon needs, and is not privileged', () => {
    expect(HostConfig).toMatchObject({
      CapAdd: ['ALL'],
      CapDrop: ['SYS_RESOURCE'],
      MaskedPaths: [],
      ReadonlyPaths: [],
    });
    expect(HostConfig).not.toHaveProperty('Privileged');
    expect(HostConfig!.SecurityOpt).not.toContain('no-new-privileges');
  });

  it('has the bounds of a job, and groups of its own to which they apply', () =>
    expect(HostConfig).toMatchObject({ Memory: 2 ** 30, PidsLimit: 64, CgroupnsMode: 'private' }));

  it('runs the entrypoint of its image, with the socket in the directory that the runner sees', () => {
    expect(options.Cmd).toEqual([
      'dockerd-entrypoint.sh',
      'dockerd',
      '--host=unix:///foldline/docker.sock',
      expect.stringContaining('--default-address-pool='),
      '--dns=10.0.0.2',
      '--mtu=1400',
    ]);
    expect(options.Entrypoint).toEqual(['sh', '-c', expect.stringMatching(/exec "\$@"$/), 'sh']);
    expect(HostConfig!.Mounts).toContainEqual({
      Type: 'bind',
      Source: '/data/containers/daemon-1/run',
      Target: '/foldline',
    });
  });

  it('asks the name servers that its definition names instead of those of the host', () =>
    expect(daemonOptions({ ...DAEMON, flags: ['--dns=10.9.9.9'] }).Cmd).not.toContain('--dns=10.0.0.2'));

  it('knows no variable of the job that asked first but its proxies', () =>
    expect(options.Env).toEqual(['HTTPS_PROXY=http://proxy', 'no_proxy=internal', 'DOCKER_TLS_CERTDIR=']));

  it('differs from another definition where a daemon would: by image, entrypoint, command and its own variables', () => {
    const one = { image: 'docker:dind', aliases: ['docker'], environment: { CI_JOB_ID: '1', HTTP_PROXY: 'p' } };
    expect(differences(one, { ...one, aliases: [], environment: { CI_JOB_ID: '2', HTTP_PROXY: 'p' } })).toEqual([]);
    expect(differences(one, { ...one, image: 'docker:28-dind', command: ['--mtu=1'] })).toEqual([
      'another image',
      'another command',
    ]);
    expect(differences(one, { ...one, entrypoint: ['x'], environment: {} })).toEqual([
      'another entrypoint',
      'other variables',
    ]);
  });

  it('marks what it keeps as its instance’s', () =>
    expect(HostConfig!.Mounts).toContainEqual(
      expect.objectContaining({
        Type: 'volume',
        VolumeOptions: expect.objectContaining({ Labels: { 'foldline.instance': 'one' } }),
      }),
    ));
});
