/** A part of a project that is built as a container image and run as containers. */
export type ServiceConfig = {
  name: string;
  /** The repository, which is the project's, in the spelling in which it is asked. */
  gitUrl: string;
  /** A push to this branch builds the service. */
  branch: string;
  autoBuild: boolean;
  /** Relative to the repository's root; the Dockerfile is relative to it. */
  contextPath: string;
  dockerfile: string;
  /** Values may hold `${VARIABLES}` of the project. */
  buildArgs: Record<string, string>;
  platform: string;
  buildNetwork: 'default' | 'none';
  /** The image's name without registry and tag. */
  image: string;
  /** Where images are pushed to: a host, perhaps with a path behind it. */
  registries: string[];
  /** Published on the host; connections go to whatever was deployed last. */
  ports: PublishedPort[];
  /** What the containers are given. Values may hold `${VARIABLES}` of the project. */
  environment: Record<string, string>;
  healthCheck: HealthCheck;
};

export type PublishedPort = { host: number; container: number };

/** Without a path a port that answers is enough, and without a port a container that keeps running. */
export type HealthCheck = { path?: string; port?: number; timeoutSeconds: number };

/** A build as it was asked for. `image` and `cacheImage` are names with a tag, and without a registry. */
export type ImageBuild = {
  number: number;
  service: { id: string; number: number; name: string };
  projectNumber: number;
  gitUrl: string;
  contextPath: string;
  dockerfile: string;
  args: Record<string, string>;
  platform: string;
  network: 'default' | 'none';
  image: string;
  /** The newest image of its branch, whose layers the next build begins with; of what is of no branch the same name. */
  cacheImage: string;
  registries: string[];
};

const MAX_TAG = 128;

/** A text as part of an image's tag (OCI distribution specification: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`). */
const tagOf = (text: string): string =>
  text
    .replaceAll(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[.-]+/, '')
    .slice(0, MAX_TAG - 8);

/**
 * `main-abc1234` of a branch, `v1.2` of a tag, `abc1234` of a commit that was named as such (S2-22). `newest` is that of
 * whatever is newest of the branch; what is of none has only its own.
 */
export const imageTagsOf = (
  ref: { name: string; kind: 'branch' | 'tag' | 'commit' },
  sha: string,
): { own: string; newest: string } => {
  const commit = sha.slice(0, 7);
  const name = ref.kind === 'commit' ? '' : tagOf(ref.name);
  if (name === '') return { own: commit, newest: commit };
  return ref.kind === 'tag' ? { own: name, newest: name } : { own: `${name}-${commit}`, newest: name };
};

/**
 * What the build API calls a job: a number as text that no floating-point number holds exactly (S2-16). The last digit
 * tells builds from deployments.
 */
const FIRST_JOB = 10n ** 18n;
const JOB_KINDS = ['build', 'deploy'] as const;
export type NumberedJob = { type: (typeof JOB_KINDS)[number]; number: number };
export const jobNumberOf = ({ type, number }: NumberedJob): string =>
  String(FIRST_JOB + BigInt(number) * 10n + BigInt(JOB_KINDS.indexOf(type)));

export const parseJobNumber = (text: string): NumberedJob | undefined => {
  if (!/^1\d{18}$/.test(text)) return undefined;
  const rest = BigInt(text) - FIRST_JOB;
  const type = JOB_KINDS[Number(rest % 10n)];
  const number = Number(rest / 10n);
  return type && number > 0 && Number.isSafeInteger(number) ? { type, number } : undefined;
};
