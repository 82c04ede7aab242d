import type { Gap } from '../grammar/record.ts';

/** What a variable tells the runner of GitLab, which is not done here, and values that ask for what is done anyway. */
type Switch = { why: string; anyway?: RegExp };

const FILES = 'a job always begins with the files of its commit';
const FETCH = 'the commit is fetched once for all jobs, with its history';
const ON = /^(?:true|1)$/i;

/** Those that are not here are for speed alone, or for what another one asks for. */
const switches: ReadonlyMap<string, Switch> = new Map(
  Object.entries({
    GIT_DEPTH: {
      why: 'the whole history is there, but of branches and tags only that of the pipeline',
      anyway: /[1-9]/,
    },
    GIT_STRATEGY: { why: FILES, anyway: /^(?:clone|fetch)$/i },
    GIT_CHECKOUT: { why: FILES, anyway: ON },
    GIT_CLEAN_FLAGS: { why: 'nothing of an earlier job is ever left in a workspace', anyway: /^-ffdx$/ },
    GIT_CLONE_PATH: { why: 'the runner chooses where the workspace is, and tells it as `CI_PROJECT_DIR`' },
    GIT_CLONE_EXTRA_FLAGS: { why: FETCH },
    GIT_FETCH_EXTRA_FLAGS: { why: FETCH, anyway: /^--prune --quiet$/ },
    GIT_SUBMODULE_STRATEGY: { why: 'submodules are not checked out yet', anyway: /^none$/i },
    GIT_LFS_SKIP_SMUDGE: { why: 'files of Git LFS are not fetched yet', anyway: ON },
    CI_DEBUG_TRACE: { why: 'commands are not traced; `set -x` in the script does it', anyway: /^(?:false|0)$/i },
    CI_DEBUG_SERVICES: { why: 'it does what it does there', anyway: /^/ },
    RUNNER_SCRIPT_TIMEOUT: { why: 'what ends a script is `timeout`' },
    RUNNER_AFTER_SCRIPT_TIMEOUT: { why: '`after_script` always has 5 minutes', anyway: /^(?:5m|300s)$/ },
    AFTER_SCRIPT_IGNORE_ERRORS: { why: 'what becomes of `after_script` changes nothing', anyway: ON },
  } satisfies Record<string, Switch>),
);

/** Whether a definition may set it although its name is one of the system's. */
export const isSwitch = (name: string): boolean => switches.has(name);

/** What is missing for the variable to do what it does in GitLab; nothing where nobody would miss anything. */
export const gapOf = (name: string, value: string): Gap | undefined => {
  const { why, anyway } = switches.get(name) ?? {};
  return why === undefined || value === '' || anyway?.test(value) ? undefined : { why };
};
