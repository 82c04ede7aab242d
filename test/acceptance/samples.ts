import { readFileSync } from 'node:fs';

/** The definition of a golden plan as it is written there: the samples of the product's first document, to the letter. */
export const sample = (name: string): string =>
  readFileSync(new URL(`../plans/${name}/definition.yml`, import.meta.url), 'utf8');

/** A stand-in for `npm`: says what it was asked and leaves what the real one would leave. */
const NPM = `#!/bin/sh
echo "npm $*"
case "$*" in
  ci) mkdir -p node_modules && echo installed >> node_modules/marker ;;
  "run build"|"run build:full") mkdir -p dist build && echo "app of $CI_COMMIT_SHORT_SHA" > dist/app.js && echo object > build/app.o ;;
  "run test:unit") test -f dist/app.js && echo "unit tests saw the build" ;;
  "run test:integration") mkdir -p coverage && printf 'TN:\\nSF:app.js\\nend_of_record\\n' > coverage/lcov.info && echo "Coverage: 87.5%" ;;
  "run test:shard:"*) echo "All files      |   91.25 |" ;;
  "run deploy") test -f dist/app.js && echo "deployed $(cat dist/app.js) to \${DEPLOY_ENV:-nowhere}" ;;
  "run lint") exit "\${LINT_EXIT:-0}" ;;
esac
`;

const PYTHON = `#!/bin/sh
echo "python $*"
mkdir -p dist && echo wheel > dist/app-1.0-py3-none-any.whl
`;

const PYTEST = `#!/bin/sh
echo "pytest $* on $PYTHON_VERSION"
echo '<coverage line-rate="0.9"/>' > coverage.xml
`;

const saying = (name: string): string => `#!/bin/sh\necho "${name} $*"\n`;

/** Programs that the samples call and a test machine need not have. */
export const PROGRAMS: Readonly<Record<string, string>> = {
  npm: NPM,
  python: PYTHON,
  pytest: PYTEST,
  pip: saying('pip'),
  twine: saying('twine'),
  docker: saying('docker'),
  deploy: saying('deploy'),
  curl: saying('curl'),
  make: saying('make'),
  scp: '#!/bin/sh\necho "scp $*"\nwc -c < key.pem\n',
};
