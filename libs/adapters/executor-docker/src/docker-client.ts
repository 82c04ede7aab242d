import type Docker from 'dockerode';

/** `unix:///path`. The library is loaded when it is needed: it would make every start slower. */
export const openDocker = (address: string): (() => Promise<Docker>) => {
  let opened: Promise<Docker> | undefined;
  return () => (opened ??= connect(new URL(address)));
};

const connect = async ({ pathname }: URL): Promise<Docker> => {
  const { default: Client } = await import('dockerode');
  return new Client({ socketPath: pathname });
};
