/** Where a definition is looked for in the root of a repository; the first that is there counts. */
export const DEFINITION_FILES = ['.codara-ci.yml', '.gitlab-ci.yml'] as const;

/**
 * Both are the same language. Where the seed and GitLab differ, the name of the file decides: copies of a job count from 0
 * or from 1 (C11), and a fallback key of a cache that ends in a hyphen is a beginning or a key like any other (C15).
 */
export type Dialect = 'codara' | 'gitlab';

export const dialectOf = (file: string): Dialect => (/(^|\/)\.gitlab-ci\.ya?ml$/.test(file) ? 'gitlab' : 'codara');
