const times = (count, make) => Array.from({ length: count }, (_, index) => make(index)).join('');
const numbers = (count) => Array.from({ length: count }, (_, index) => index).join(', ');

/** What people write: a condition, a cache, artifacts, a few commands. Ten lines. */
const job = (name) => `${name}:
  stage: test
  variables: { LEVEL: "${name}" }
  script:
    - npm ci
    - npm test -- --shard "$LEVEL"
  artifacts: { paths: [out/${name}/], expire_in: 1 week }
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH || $CI_COMMIT_TAG =~ /^v\\d+/
    - changes: [src/**/*, package.json]
`;
export const jobs = (count, prefix = 'job') => times(count, (index) => job(`${prefix}-${index}`));
export const copied = (count) =>
  times(count, (index) => `${job(`copied-${index}`)}  matrix: { LEFT: [${numbers(10)}], RIGHT: [${numbers(20)}] }\n`);

/** `each` jobs in each of so many files, for one file has room for fewer than a pipeline. */
export const inFiles = (count, each) => {
  const files = Object.fromEntries(
    Array.from({ length: count }, (_, index) => [`ci/${index}.yml`, jobs(each, `file-${index}`)]),
  );
  const text = `include: [${Object.keys(files).join(', ')}]\n`;
  return { text, sources: { files } };
};

const longRule = (index) => `    - if: ${times(25, (part) => `$A${part} == "${index}" || `)}$B =~ /^${index}-\\d+/\n`;
export const sharedRules = (count) =>
  `.shared:\n  rules:\n${times(99, longRule)}    - when: on_success\n` +
  times(count, (index) => `job-${index}: { extends: .shared, script: make }\n`);
