const DOCKER_HUB = /^(?:(?:index\.|registry-1\.)?docker\.io\/)?(?:library\/)?/;

/** The repository as a daemon writes it: without tag, digest and what stands for Docker Hub. */
const repositoryOf = (image: string): string =>
  image
    .split('@')[0]!
    .replace(/:[^/:]*$/, '')
    .replace(DOCKER_HUB, '');

/**
 * What an image is in the registry that its name says, of all the digests (`name@digest`) that a daemon knows of the same
 * content: another registry may have it under another one.
 */
export const digestIn = (image: string, known: readonly string[]): string | undefined =>
  known.find((each) => repositoryOf(each) === repositoryOf(image))?.split('@')[1];
