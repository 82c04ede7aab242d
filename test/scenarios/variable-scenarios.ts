import { jobNamed } from '@foldline/client';
import type { Scenario } from './scenarios.ts';

const HANDED_ON = `stages: [build, test, deploy]
build:
  stage: build
  script: echo "VERSION=1.2.$((1 + 2))" > build.env && echo made > made.txt
  artifacts: { paths: [made.txt], reports: { dotenv: build.env } }
late:
  stage: build
  script: |
    printf 'VERSION=later\\nEXTRA=%s\\n' "$CI_JOB_ATTEMPT" > late.env
    test "$CI_JOB_ATTEMPT" -ge 2
  retry: 1
  artifacts: { reports: { dotenv: late.env } }
use:
  stage: test
  needs: [build]
  variables: { VERSION: of the job, TAG: "v$VERSION" }
  script: test "$VERSION" = 1.2.3 && test "$TAG" = v1.2.3 && test -z "$EXTRA"
  cache: { key: "cache-$VERSION", paths: [made.txt] }
all:
  stage: test
  script: test "$VERSION" = later && test "$EXTRA" = 2
without:
  stage: test
  needs: [{ job: build, artifacts: false }]
  script: test -z "$VERSION"
review:
  stage: deploy
  dependencies: [build]
  script: echo "HOST=v\${VERSION%%.*}.example.com" > host.env
  environment: { name: "review/$CI_COMMIT_REF_SLUG", url: "https://$HOST/" }
  artifacts: { reports: { dotenv: host.env } }
`;
const UNREADABLE = `wrong:
  script: echo "no variable" > build.env
  artifacts: { paths: [build.env], when: on_failure, reports: { dotenv: build.env } }
`;
const OF_ENVIRONMENTS = `.look:
  script:
    - test "$REGION" = "$WANTED" && test "$(cat "$CONFIG")" = 'user=$NAME' && test "$GREETING" = "hello shop"
    - case "$CONFIG" in "$CI_PROJECT_DIR"/*) exit 1;; esac
  variables: { NAME: shop }
live:
  extends: .look
  environment: live
  variables: { WANTED: of live }
review:
  extends: .look
  environment: review/1
  variables: { WANTED: of reviews }
nowhere:
  extends: .look
  variables: { WANTED: of all }
ruled:
  script: "true"
  environment: live
  rules: [{ if: $REGION == "of live" && $GREETING == "hello shop" }]
  variables: { NAME: shop }
`;

/** What jobs are given besides their definition, and what they hand on to each other. */
export const VARIABLE_SCENARIOS: readonly Scenario[] = [
  {
    name: 'variables that jobs hand on: to those that get their artifacts, of the last attempt, and into an address',
    run: async (project) => {
      const id = await project.start(HANDED_ON);
      await project.rested(id, 'success');
      return [id];
    },
  },
  {
    name: 'variables that nobody could read, mended by a person',
    run: async (project) => {
      const first = await project.start(UNREADABLE);
      const { reason, detail } = jobNamed(await project.rested(first, 'failed'), 'wrong');
      if (reason !== 'invalid_dotenv' || !detail?.includes('line 1')) throw new Error(`it failed with ${reason}`);
      const second = await project.start(UNREADABLE.replace('no variable', 'A=1'));
      await project.rested(second, 'success');
      return [first, second];
    },
  },
  {
    name: 'variables of the project for environments, in a file, and filled in',
    run: async (project) => {
      const set = (key: string, value: string, traits: object = {}): Promise<unknown> =>
        project.post('/variables', { key, value, ...traits });
      await set('REGION', 'of all');
      await set('REGION', 'of live', { environment_scope: 'live' });
      await set('REGION', 'of reviews', { environment_scope: 'review/*' });
      await set('REGION', 'of none', { environment_scope: 'test' });
      await project.remove('/variables/REGION?environment_scope=test');
      await set('CONFIG', 'user=$NAME', { variable_type: 'file', masked_and_hidden: true });
      await set('GREETING', 'hello $NAME', { raw: false, description: 'How to begin' });
      const id = await project.start(OF_ENVIRONMENTS);
      await project.rested(id, 'success');
      return [id];
    },
  },
];
