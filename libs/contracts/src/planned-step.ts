export type PlannedStep = ScriptStep | RunStep | BuildImageStep;

/** `script` fails the job; `after_script` always runs, in its own shell, and never changes the outcome. */
export type ScriptStep = { name: 'script' | 'after_script'; kind: 'shell'; commands: string[] };

/**
 * One of several commands of a job, each in a shell of its own. One that fails ends the job, and those behind it are
 * skipped. Texts but the command may hold `${VARIABLES}`.
 */
export type RunStep = {
  name: string;
  kind: 'run';
  command: string;
  /** Absolute, or relative to the workspace; the workspace itself when absent. */
  directory?: string;
  /** Variables for this step; they win over the job's. */
  environment: Record<string, string>;
  /** Its failure is seen and changes nothing. */
  continueOnError?: true;
  /** What it does is not only in the workspace: a later attempt that goes on behind it would lack that. */
  resumable?: false;
  timeoutSeconds?: number;
};

/** Builds a container image of what was checked out, and brings it to registries. It stands in the place of a script. */
export type BuildImageStep = { name: 'build-image'; kind: 'build-image'; image: PlannedImage };

/** Texts may hold `${VARIABLES}` where it says so. */
export type PlannedImage = {
  /** The build that this is the image of, as people count them. */
  build: number;
  /** The directory that is built, relative to the repository's root; the Dockerfile is relative to it. */
  contextPath: string;
  dockerfile: string;
  /** May hold variables. */
  args: Record<string, string>;
  /** For example `linux/amd64`. */
  platform: string;
  /** What the commands of the Dockerfile reach: what the host reaches, or nothing. */
  network: 'default' | 'none';
  /** References that the image gets; the first is what the build is known by. */
  tags: string[];
  /** Those of other registries, which are pushed. */
  pushes: string[];
  /** Images whose layers are taken over where nothing has changed. */
  cacheFrom: string[];
};
