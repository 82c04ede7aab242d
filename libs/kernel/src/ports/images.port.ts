/** Who one is at a registry. */
export type RegistryLogin = { username: string; password: string };
/** By registry, as names of images begin with it: `registry.example.com:5000`, `docker.io`. Each is told to that one alone. */
export type RegistryLogins = ReadonlyMap<string, RegistryLogin>;

export type ImageBuildSpec = {
  /** A directory of this host. `.git` and what its `.dockerignore` names are left out. */
  context: string;
  /** The Dockerfile, relative to the directory. */
  dockerfile: string;
  args: Readonly<Record<string, string>>;
  platform: string;
  /** What the commands of the Dockerfile reach: what the host reaches, or nothing. */
  network: 'default' | 'none';
  /** References that the image gets. */
  tags: readonly string[];
  /** Images of registries whose layers are taken over; those that are not there change nothing. */
  cacheFrom: readonly string[];
  logins: RegistryLogins;
};

export type ImageWork = {
  /** Readable lines, as they come; awaited, so it slows the work down. */
  onOutput: (text: Buffer) => Promise<void> | void;
  /** 0…100, growing. */
  onProgress?: (percent: number) => void;
  /** Gives the work up; the call is rejected with the signal's reason. */
  signal: AbortSignal;
};

/** An image that is here: its id, and by which digests registries know it (`name@sha256:…`). */
export type KnownImage = { id: string; digests: string[] };

/**
 * Container images of this host. What stands in the way is an `ImageFailure`, whose `reason` programs tell apart; a
 * failed call leaves what was there before.
 */
export interface Images {
  build(spec: ImageBuildSpec, work: ImageWork): Promise<{ imageId: string }>;
  /** Brings an image to the registry that its name begins with. Pushing what is there changes nothing. */
  push(reference: string, logins: RegistryLogins, work: ImageWork): Promise<{ digest: string }>;
  /** Fetches an image from the registry that its name begins with. */
  pull(reference: string, logins: RegistryLogins, work: ImageWork): Promise<KnownImage>;
  tag(source: string, target: string): Promise<void>;
  find(reference: string): Promise<KnownImage | undefined>;
}
