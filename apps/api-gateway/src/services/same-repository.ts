import type { ProjectDoc } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { canonicalUrl } from '@foldline/read-models';
import { refuseCredentials } from '../projects/refuse-credentials.ts';

/**
 * The address of a project's repository, however it is spelt. Another one would get the project's variables, and its
 * commits would lie among those of the project.
 */
export const sameRepository = (
  { owner, name, url }: Pick<ProjectDoc, 'owner' | 'name' | 'url'>,
  given: string,
): void => {
  refuseCredentials(given, '/git_url');
  if (canonicalUrl(given) === canonicalUrl(url)) return;
  throw new Refusal('invalid_url', `this is not the repository of ${owner}/${name}: register its project first`, {
    pointer: '/git_url',
  });
};
