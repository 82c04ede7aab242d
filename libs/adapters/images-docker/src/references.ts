/** A colon behind the last slash begins the tag; one before it is that of a port. */
export const splitReference = (reference: string): { repository: string; tag: string } => {
  const slash = reference.lastIndexOf('/');
  const colon = reference.indexOf(':', slash + 1);
  return colon < 0
    ? { repository: reference, tag: 'latest' }
    : { repository: reference.slice(0, colon), tag: reference.slice(colon + 1) };
};
