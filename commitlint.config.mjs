import { basename } from 'node:path';
import { projectFolders } from './scripts/workspace.mjs';

/** What is no project and yet has a name in commits. */
const OTHER_SCOPES = [
  'acceptance',
  'bench',
  'chaos',
  'ci',
  'deps',
  'docs',
  'house',
  'infra',
  'kill',
  'release',
  'scenarios',
];

export default {
  extends: ['@commitlint/config-conventional'],
  rules: {
    'scope-enum': [2, 'always', [...projectFolders().map((folder) => basename(folder)), ...OTHER_SCOPES]],
    'header-max-length': [2, 'always', 120],
    // Subjects may begin with the name of a thing: HTTP, JobQueued.
    'subject-case': [0],
    'body-max-line-length': [0],
    'footer-max-line-length': [0],
  },
};
