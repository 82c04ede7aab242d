import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const IDENTITY = ['-c', 'user.name=Kill', '-c', 'user.email=kill@foldline.example', '-c', 'commit.gpgsign=false'];

/**
 * Writes the numbered lines of an attempt, each to a file that the server knows nothing of and then to the log. The
 * time is that since boot in seconds: no program has to be started for it.
 */
const workScript = (sideDirectory) => `#!/bin/sh
n=0
while [ "$n" -lt "$LINES" ]; do
  n=$((n + 1))
  read -r up rest < /proc/uptime
  line="line $n of $CI_JOB_ID.$CI_JOB_ATTEMPT at $up, schön"
  echo "$line" >> '${sideDirectory}'/"$CI_JOB_ID.$CI_JOB_ATTEMPT"
  echo "$line"
  sleep "$PAUSE"
done
`;

/** `flaky` fails in its first attempt; nothing else has a reason to fail. `tidy` leaves a process behind on purpose. */
const DEFINITION = `stages: [build, test, package, release]
variables:
  LINES: "6"
  PAUSE: "0.02"
build:
  stage: build
  script:
    - mkdir -p out store
    - echo "$CI_PIPELINE_ID" > out/pipeline.txt
    - cp work.sh out/
    - sh work.sh
    - echo "$CI_JOB_ID" >> store/builds.txt
  artifacts:
    paths: [out/]
    expire_in: 1 week
  cache:
    key: store
    paths: [store/]
steady:
  stage: test
  script:
    - test "$(cat out/pipeline.txt)" = "$CI_PIPELINE_ID"
    - sh work.sh
flaky:
  stage: test
  retry:
    max: 1
    when: script_failure
  script:
    - sh work.sh
    - test "$CI_JOB_ATTEMPT" -ge 2
cached:
  stage: test
  cache:
    key: store
    paths: [store/]
    policy: pull
  script:
    - test -s store/builds.txt
    - sh work.sh
package:
  stage: package
  script:
    - test "$(cat out/pipeline.txt)" = "$CI_PIPELINE_ID"
    - sh work.sh
    - cp -r out dist
  artifacts:
    paths: [dist/]
    expire_in: 1 week
below:
  stage: package
  trigger: { include: below.yml, strategy: depend }
tidy:
  stage: package
  when: always
  script:
    - (setsid sleep 300 > /dev/null 2>&1 &)
    - sh work.sh
release:
  stage: release
  when: manual
  allow_failure: true
  environment:
    name: production
  script:
    - cmp dist/work.sh work.sh
    - sh work.sh
`;

/** Of the child pipeline that `below` starts and waits for. */
const BELOW = `step:
  script: sh work.sh
`;

/** The repository that every pipeline of a run is of, and where its jobs write beside the log. */
export const makeRepository = (directory) => {
  const path = join(directory, 'repository');
  const side = join(directory, 'side');
  mkdirSync(path);
  mkdirSync(side);
  const git = (...args) => execFileSync('git', [...IDENTITY, ...args], { cwd: path, encoding: 'utf8' }).trim();
  const commit = () => {
    git('commit', '--quiet', '--allow-empty', '-m', 'pipeline');
    return git('rev-parse', 'HEAD');
  };
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(path, 'work.sh'), workScript(side));
  writeFileSync(join(path, '.codara-ci.yml'), DEFINITION);
  writeFileSync(join(path, 'below.yml'), BELOW);
  git('add', '--all');
  /** `commit` makes a commit that no server has fetched yet and answers with its id. */
  return { path, side, commit, sha: commit() };
};
