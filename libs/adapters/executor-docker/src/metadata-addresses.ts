import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BRIDGE } from './job-network.ts';

const run = promisify(execFile);

/** Where clouds tell a machine who it is, and give it their keys: link-local addresses, and Alibaba's own. */
const ADDRESSES = ['169.254.0.0/16', '100.100.100.200/32'];

/** Before routing, so that it does not matter whether this host itself has such an address. */
const CHAIN = ['-w', '-t', 'raw'];
const ruleFor = (address: string): string[] => ['PREROUTING', '-i', `${BRIDGE}+`, '-d', address, '-j', 'DROP'];

/** Nothing that comes from the networks of jobs reaches these addresses. Needs root on the host; safe to repeat. */
export const blockMetadataAddresses = async (): Promise<void> => {
  for (const address of ADDRESSES) {
    const rule = ruleFor(address);
    const isThere = await run('iptables', [...CHAIN, '-C', ...rule]).then(
      () => true,
      () => false,
    );
    if (!isThere) await run('iptables', [...CHAIN, '-I', ...rule]);
  }
};
