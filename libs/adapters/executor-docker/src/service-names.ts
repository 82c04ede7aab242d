/**
 * Under which names a service is reached that its image gives it: without version, with two underscores for each slash,
 * and with a hyphen (GitLab, "Accessing the services").
 */
export const namesFromImage = (image: string): string[] => {
  const [path = ''] = image.split('@');
  const parts = path.split('/').map((part) => part.split(':')[0]!);
  return [...new Set([parts.join('__'), parts.join('-')])];
};
