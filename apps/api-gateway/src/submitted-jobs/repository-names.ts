import { canonicalUrl } from '@foldline/read-models';

const OTHER = /[^A-Za-z0-9._-]+/g;
/** As long as a name may be. */
const MAX = 100;

const nameOf = (text: string): string =>
  text
    .replaceAll(OTHER, '-')
    .replace(/^[.-]+/, '')
    .slice(0, MAX);

/** What a project is called that nobody has named: as the end of its address, `https://forge.example/ada/engine.git`. */
export const namesOfRepository = (url: string): { owner: string; name: string } => {
  const [name = '', owner = ''] = canonicalUrl(url)
    .replace(/\.git$/, '')
    .split('/')
    .filter((part) => part !== '')
    .map(nameOf)
    .toReversed();
  return { owner, name };
};
