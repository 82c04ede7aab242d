export { createGitRepositories } from './git-repositories.ts';
