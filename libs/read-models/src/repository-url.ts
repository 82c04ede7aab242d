const SCP_LIKE = /^(?:[^@/\s]+@)?([^:/\s]+):(?!\/\/)(.+)$/;

/**
 * One spelling for the ways of writing the address of the same repository (`https`, `ssh`, `git@host:path`, with and
 * without `.git`), so that a forge's delivery finds the project whichever way it was registered.
 */
export const canonicalUrl = (url: string): string => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scp = parsed?.host ? undefined : SCP_LIKE.exec(url);
  const host = parsed?.host ? parsed.hostname : scp?.[1];
  const path = parsed?.host ? parsed.pathname : scp?.[2];
  if (host === undefined || path === undefined) return url;
  return `${host}/${path
    .replace(/^\/+/, '')
    .replace(/\/+$/, '')
    .replace(/\.git$/, '')}`.toLowerCase();
};

/** `projects` by `byUrl`: the prefix `urlIndexPrefix(url)` finds every project of one repository. */
export const urlIndexPrefix = (url: string): string => `${canonicalUrl(url)} `;
export const urlIndexKey = (url: string, projectId: string): string => `${urlIndexPrefix(url)}${projectId}`;
