/** RFC 6266: the plain name for old clients, the true one for the others. */
export const attachment = (name: string): string => {
  const plain = name.replaceAll(/[^A-Za-z0-9._-]/g, '_');
  return `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name).replaceAll("'", '%27')}`;
};
