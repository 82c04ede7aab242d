/** Everything about a pipeline that its jobs need to know and that the definition does not say. */
export type PipelineContext = {
  pipelineId: string;
  project: ProjectRef;
  ref: GitRef;
  /** Full commit id, resolved once when the pipeline was requested or planned. */
  sha: string;
  message: string;
  source: PipelineSource;
  /** Given with the request (S0-56); they win over the file's and the project's. */
  variables: Record<string, string>;
  /** Project variables that this ref may see (S0-55); values are sealed. */
  projectVariables: SealedVariable[];
  secrets: SealedSecret[];
  /** What follows is absent in the events of early releases. */
  commit?: CommitFacts;
  /** What the branch or tag pointed to before a push. */
  before?: string;
  /** When the pipeline was requested. */
  createdAt?: string;
  /** The definition file. */
  file?: string;
  /** The pipeline's name, where its definition gives it one. */
  name?: string;
  server?: ServerFacts;
  /** The job that asked for the pipeline, where one did. */
  upstream?: Upstream;
};

/** The job of another pipeline that started this one. */
export type Upstream = {
  pipelineId: string;
  jobId: string;
  attempt: number;
  /** `owner/name`. */
  project: string;
  /** Pipelines above this one. */
  depth: number;
  /** Pipelines that may still be started below this one. */
  budget: number;
};

/** What a child pipeline is planned from, instead of the definition file of its commit. */
export type ChildDefinition = {
  include: Record<string, unknown>[];
  /** Attempts that made files among those, by the name under which they are included. */
  artifacts?: Record<string, { jobId: string; attempt: number }[]>;
  /** The place of the `trigger`. */
  file: string;
  line: number;
  column: number;
  /** The definition file of the parent, where the `trigger` stands in one that it includes. */
  root?: string;
};

/** `at` is when it was committed, RFC 3339 in UTC; `tagMessage` that of the annotated tag the pipeline runs for. */
export type CommitFacts = { author: string; at: string; tagMessage?: string };
/** The server that was asked for the pipeline; `url` is where people reach it, if it knows. */
export type ServerFacts = { version: string; url?: string };

/** `parent_pipeline`: a child of another one of its commit; `pipeline`: started by one of another project. */
export type PipelineSource = 'api' | 'push' | 'web' | 'schedule' | 'parent_pipeline' | 'pipeline';
export type ProjectRef = { id: string; owner: string; name: string; url: string; defaultBranch: string };
export type GitRef = { name: string; kind: 'branch' | 'tag' | 'commit'; protected: boolean };
/** `sealed` is ciphertext (see the SecretBox port); clear values never enter an event. */
export type SealedVariable = {
  key: string;
  sealed: string;
  protected: boolean;
  masked: boolean;
  /** The value is handed over in a file, and the variable is its path. */
  kind?: 'file';
  /** The value may name other variables. */
  expand?: true;
  /** The environments whose jobs get it, `*` for any characters; absent: every job. */
  scope?: string;
};
export type SealedSecret = { path: string; sealed: string };
