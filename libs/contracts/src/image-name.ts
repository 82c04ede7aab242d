const LONGEST_NAME = 255;
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const LABEL = '(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])';
const HOST = `(?:${LABEL}(?:\\.${LABEL})*|\\[[0-9A-Fa-f:]+\\])(?::[0-9]{1,5})?`;
/** Without its bound of length. */
export const IMAGE_NAME = new RegExp(
  `^((?:${HOST}/)?${COMPONENT}(?:/${COMPONENT})*)(?::\\w[\\w.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*:[0-9A-Fa-f]{32,128})?$`,
);

/**
 * Whether a text names an image: `node:22`, `registry.example.com:5000/team/app@sha256:…` (distribution/reference). What
 * does not is never shown to a Docker daemon: names are parts of the paths that it is asked for.
 */
export const isImageName = (text: string): boolean => {
  if (text.length > 2 * LONGEST_NAME) return false;
  const [, name] = IMAGE_NAME.exec(text) ?? [];
  return name !== undefined && name.length <= LONGEST_NAME;
};
