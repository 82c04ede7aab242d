import type { CacheTool, JobAssigned } from '@foldline/contracts';
import type { ContainerSpec } from '@foldline/kernel';
import type { WorkspaceLayers } from '../layers/workspace-layers.ts';
import type { AttemptFact } from './attempt.decider.ts';

/** What the parts of one attempt share: where it runs, what it knows, and where it tells what it does. */
export type JobScene = {
  assignment: ReturnType<typeof JobAssigned>['data'];
  about: { attemptId: string; pipelineId: string; jobId: string; attempt: number };
  workspace: string;
  scratch: string;
  /** Trees that are restored to the workspace and saved from it. */
  layers: Pick<WorkspaceLayers, 'restore' | 'save' | 'differences'>;
  /** What a tool's leavings fit: the platform, and its version here or the image that it comes from. */
  platformOf: (tool: CacheTool) => Promise<string>;
  /** Where the log is written as a file, besides. */
  buildLog?: string;
  /** What the job's shells run in, as its variables have it; without it as processes of the host. */
  container?: (variables: Readonly<Record<string, string>>) => ContainerSpec;
  variables: Readonly<Record<string, string>>;
  /** The same with what earlier jobs have handed on. */
  variablesWith: (handedOn: Readonly<Record<string, string>>) => Record<string, string>;
  /** The text without the values that must not be seen: for names and keys, which are recorded in events. */
  hide: (text: string) => string;
  /** A line of the system's own in the log. */
  tell: (line: string) => void;
  warn: (line: string) => void;
  /** Bytes that the log has now. */
  markLog: () => number;
  record: (fact: AttemptFact) => void;
  /** Records an upload that must be committed before the job counts as done. */
  committing: (id: string, fact: AttemptFact) => void;
};

/** What the attempt sees to before the script. */
export type Preparation = {
  emptyWorkspace: () => Promise<void>;
  checkOut: () => Promise<void>;
  inputsShown: () => Promise<void>;
};
