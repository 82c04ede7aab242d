import { describe, expect, it } from '@jest/globals';
import type { PlannedJob } from '@foldline/contracts';
import { compile } from '../compile.ts';

const ref = { name: 'main', kind: 'branch' } as const;

/** Compiles a file with one job that has this keyword. */
const compileWith = (keyword: string) =>
  compile({
    file: 'f.yml',
    text: `x:\n  script: make\n  ${keyword}\n`,
    trigger: { ref, source: 'push', variables: {} },
  });

const jobWith = (keyword: string): PlannedJob => {
  const result = compileWith(keyword);
  if (!('plan' in result)) throw new Error(JSON.stringify(result.problems));
  return result.plan.jobs[0]!;
};

const codesWith = (keyword: string): string[] => {
  const result = compileWith(keyword);
  return 'plan' in result ? [] : result.problems.map(({ code }) => code);
};

describe('A job', () => {
  it.each([
    ['image: {name: a, kubernetes: {user: b}}', 'image.kubernetes', { user: 'b' }],
    ['artifacts: {paths: [a], expose_as: b}', 'artifacts.expose_as', 'b'],
    ['id_tokens: {A: {aud: https://x}}', 'id_tokens', { A: { aud: 'https://x' } }],
    ['pages: true', 'pages', 'true'],
    ['environment: {name: a, auto_stop_in: 1 day}', 'environment.auto_stop_in', '1 day'],
    ['cache: {paths: [a], key: {files_commits: [b]}}', 'cache.key.files_commits', ['b']],
    ['cache: {untracked: true}', 'cache.untracked', 'true'],
    ['secrets: {A: {vault: {path: a, engine: {name: kv-v2}}}}', 'secrets.A.vault.engine', { name: 'kv-v2' }],
  ])('with `%s` is planned, and says that nothing acts on it yet', (keyword, path, value) => {
    expect(jobWith(keyword).plannedOnly).toEqual([{ keyword: path, value, why: expect.any(String) }]);
  });

  it.each([
    ['needs: [{pipeline: x}]', 'needs.pipeline'],
    ['needs: {pipeline: acme/library}', 'needs.pipeline'],
    ['inputs: {level: {default: full}}', 'inputs'],
    ['release: {tag_name: v1}', 'release'],
    ['secrets: {A: {gcp_secret_manager: {name: x}}}', 'secrets.A.gcp_secret_manager'],
  ])('with `%s` is planned, and would not run as if it were there', (keyword, path) => {
    expect(jobWith(keyword).plannedOnly).toEqual([expect.objectContaining({ keyword: path, stops: true })]);
  });

  it('that nobody starts asks nobody', () =>
    expect(jobWith('manual_confirmation: Really?')).not.toHaveProperty('manualConfirmation'));

  it('without commands in its hook has none', () =>
    expect(jobWith('hooks: {pre_get_sources_script: []}')).not.toHaveProperty('hooks'));

  it('without further keywords has the documented defaults', () =>
    expect(jobWith('')).toEqual({
      index: 0,
      name: 'x',
      definition: 'x',
      stage: 'test',
      waitsFor: 'stages',
      artifactsFrom: 'earlier-stages',
      when: 'on_success',
      allowFailure: false,
      runner: {},
      services: [],
      variables: {},
      secrets: {},
      steps: [{ name: 'script', kind: 'shell', commands: ['make'] }],
      cache: [],
      retry: { max: 0, when: ['always'] },
      timeoutSeconds: 3600,
      interruptible: false,
      priority: 5,
    }));

  it.each<[string, Partial<PlannedJob>]>([
    ['when: manual', { when: 'manual', allowFailure: true }],
    ['{when: manual, allow_failure: false}', { when: 'manual', allowFailure: false }],
    ['retry: 10', { retry: { max: 10, when: ['always'] } }],
    ['retry: {max: 1, when: [job_execution_timeout, job_timeout]}', { retry: { max: 1, when: ['job_timeout'] } }],
    ['timeout: 7 days', { timeoutSeconds: 604_800 }],
    ['environment: staging', { environment: { name: 'staging' } }],
    ['artifacts: {}', { cache: [] }],
    ['cache: {}', { cache: [] }],
    ['variables: {http_version: 2}', { variables: { http_version: '2' } }],
    ['variables: {PYTHON_VERSION: 3.10}', { variables: { PYTHON_VERSION: '3.10' } }],
    ['resources: {cpu: 0.5}', { runner: { cpu: 0.5 } }],
    ['matrix: [{A: 1, B: [x]}]', { name: 'x: [1, x]', matrix: { A: '1', B: 'x' } }],
    [
      'image: {name: "registry:5000/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000"}',
      { image: 'registry:5000/a/b@sha256:0000000000000000000000000000000000000000000000000000000000000000' },
    ],
    ['secrets: {}', { secrets: {} }],
    ['secrets: {A: {vault: {path: a/b, field: c}}}', { secrets: { A: { vault: 'a/b/c' } } }],
    ['priority: 10', { priority: 10 }],
    ['tags: [linux, gpu, linux]', { runner: { tags: ['linux', 'gpu'] } }],
    ['{when: delayed, start_in: 30 minutes}', { when: 'delayed', startInSeconds: 1800, allowFailure: false }],
    ['allow_failure: {exit_codes: 1}', { allowFailure: false, allowFailureExitCodes: [1] }],
    ['allow_failure: {exit_codes: [137, 255]}', { allowFailureExitCodes: [137, 255] }],
    ['retry: {max: 1, exit_codes: 75}', { retry: { max: 1, when: [], exitCodes: [75] } }],
    [
      'retry: {max: 1, when: job_timeout, exit_codes: [75]}',
      { retry: { max: 1, when: ['job_timeout'], exitCodes: [75] } },
    ],
    ['retry: {max: 1, when: runner_interrupted}', { retry: { max: 1, when: ['runner_lost'] } }],
    ['resource_group: $CI_COMMIT_BRANCH', { resourceGroup: 'main' }],
    [
      'environment: {name: a, action: stop, deployment_tier: testing}',
      { environment: { name: 'a', action: 'stop', tier: 'testing' } },
    ],
    ['variables: {A: {value: $B, expand: false}}', { variables: { A: '$B' }, rawVariables: ['A'] }],
    ['variables: {A: {value: x, options: [x, z], description: What}}', { variables: { A: 'x' } }],
    [
      'artifacts: {reports: {dotenv: build.env, junit: a.xml}}',
      { artifacts: { paths: [], exclude: [], when: 'on_success', reports: ['a.xml'], dotenv: ['build.env'] } },
    ],
    [
      'artifacts: {reports: {junit: a.xml, sast: [b.json, c.sarif], performance: d.json}}',
      {
        artifacts: {
          paths: [],
          exclude: [],
          when: 'on_success',
          reports: ['a.xml', 'b.json', 'c.sarif', 'd.json'],
          readReports: { junit: ['a.xml'], sast: ['b.json', 'c.sarif'] },
        },
      },
    ],
    ['inherit: {variables: false}', { inheritedVariables: [] }],
  ])('with `%s` is planned so', (keyword, expected) => {
    const line = keyword.startsWith('{') ? keyword.slice(1, -1).replace(', ', '\n  ') : keyword;
    expect(jobWith(line)).toMatchObject(expected);
  });

  it.each([
    ['retry: 11', 'invalid-value'],
    ['retry: {when: always}', 'wrong-type'],
    ['retry: {max: 1, when: bad_luck}', 'invalid-value'],
    ['timeout: 8 days', 'invalid-duration'],
    ['timeout: 0', 'invalid-duration'],
    ['priority: 11', 'invalid-value'],
    ['priority: 1.5', 'wrong-type'],
    ['interruptible: "true"', 'wrong-type'],
    ['interruptible: yes', 'wrong-type'],
    ['parallel: 0', 'invalid-value'],
    ['parallel: {count: 3}', 'unknown-keyword'],
    ['matrix: []', 'invalid-value'],
    ['matrix: [{A: []}]', 'invalid-value'],
    ['matrix: [{A: [1], B: {c: d}}]', 'wrong-type'],
    ['image: "-v /:/host"', 'invalid-value'],
    ['environment: {url: https://x}', 'invalid-value'],
    ['environment: {name: a, url: "javascript:alert(1)"}', 'invalid-value'],
    ['secrets: {A: {vault: ../other}}', 'invalid-value'],
    ['secrets: {A: {file: x}}', 'wrong-type'],
    ['secrets: {A: {vault: {field: x}}}', 'invalid-value'],
    ['cache: {paths: [a], key: {files: [b], files_commits: [b]}}', 'invalid-value'],
    ['image: {name: a, docker: {colour: red}}', 'unknown-keyword'],
    ['pages: {publish: [a]}', 'wrong-type'],
    ['secrets: {PATH: {vault: a}}', 'reserved-variable'],
    ['cache: {key: a}', 'invalid-value'],
    ['cache: {paths: [a], fallback_keys: [1, 2, 3, 4, 5, 6]}', 'invalid-value'],
    ['cache: {paths: [a], policy: never}', 'invalid-value'],
    ['artifacts: {paths: ["a/../../b"]}', 'unsafe-path'],
    ['artifacts: {paths: ["C:\\\\x"]}', 'unsafe-path'],
    ['artifacts: {paths: [a], expire_in: 0}', 'invalid-duration'],
    ['artifacts: {paths: ["a//b"]}', 'unsafe-path'],
    ['artifacts: {paths: ["a\\\\b"]}', 'unsafe-path'],
    ['artifacts: {paths: [""]}', 'unsafe-path'],
    ['artifacts: {paths: ["[z-a].txt"]}', 'invalid-pattern'],
    ['artifacts: {paths: ["$DIR/[z-a].txt"]}', 'invalid-pattern'],
    ['artifacts: {paths: [a], exclude: ["**/[9-0]"]}', 'invalid-pattern'],
    ['artifacts: {paths: [a, "!b"]}', 'invalid-pattern'],
    ['artifacts: {reports: {junit: "[b-a].xml"}}', 'invalid-pattern'],
    ['cache: {paths: ["[z-a]"]}', 'invalid-pattern'],
    ['cache: {paths: [a], key: {files: ["**/package-lock.json"]}}', 'invalid-pattern'],
    ['only: []', 'wrong-type'],
    ['extends: .y', 'extends-missing-job'],
    ['before_script: [~]', 'wrong-type'],
    ['before_script: {a: b}', 'wrong-type'],
    ['coverage: "[0-9]+"', 'invalid-regex'],
    ['when: delayed', 'invalid-value'],
    ['start_in: 1 hour', 'conflicting-keywords'],
    ['start_in: 8 days', 'invalid-duration'],
    ['allow_failure: {exit_codes: 256}', 'invalid-value'],
    ['allow_failure: {}', 'invalid-value'],
    ['retry: {max: 1, exit_codes: [a]}', 'wrong-type'],
    ['variables: {A: {value: x, options: [z]}}', 'invalid-value'],
    ['only: {kubernetes: active}', 'unsupported-keyword'],
    ['only: {variables: ["$A =="]}', 'invalid-expression'],
    ['only: {changes: [../a]}', 'invalid-pattern'],
    ['environment: {name: a, action: explode}', 'invalid-value'],
    ['inherit: {default: maybe}', 'wrong-type'],
    ['artifacts: {access: nobody}', 'invalid-value'],
  ])('with `%s` is refused: %s', (keyword, code) => expect(codesWith(keyword)).toContain(code));

  it.each([
    '.',
    './dist/',
    '[a-z].txt',
    '[z-$LAST].txt',
    'pages/[id].js',
    '[open',
    '{a,b}/**',
    '{open',
    '.git?',
    '$A/${B}/*',
  ])('may keep what is found by %s', (path) =>
    expect(jobWith(`artifacts: {paths: ["${path}"]}`).artifacts?.paths).toEqual([path]),
  );

  it.each(['PATH', 'LD_PRELOAD', 'BASH_ENV', 'SHELLOPTS', 'IFS', 'CI_X', 'FOLDLINE_X'])('may not set %s', (name) =>
    expect(codesWith(`variables: {${name}: x}`)).toEqual(['reserved-variable']),
  );

  // Many tools treat warnings as errors when CI is set; turning that off is an author's right.
  it('may set CI', () => expect(jobWith('variables: {CI: ""}').variables).toEqual({ CI: '' }));
});
