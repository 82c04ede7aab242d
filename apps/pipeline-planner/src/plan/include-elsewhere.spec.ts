import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CallersSet,
  PipelineRequested,
  ProjectRegistered,
  planStream,
  projectStream,
  triggerStream,
  type NewEvent,
  type PipelinePlanned,
  type PlanRejected,
  type Recorded,
} from '@foldline/contracts';
import { openEmbeddedPorts, type EmbeddedPorts } from '@foldline/host';
import { createOutboundHttp } from '@foldline/http-outbound';
import { allowedHost, projectIdOf, type Settings } from '@foldline/kernel';
import { READ_MODELS } from '@foldline/read-models';
import { sampleContext } from '@foldline/testing';
import type { PlanOnPipelineRequested } from './plan-on-pipeline-requested.policy.ts';
import { planningWith } from './planning.fixture.ts';

type Planned = ReturnType<typeof PipelinePlanned>['data'];
type Rejected = ReturnType<typeof PlanRejected>['data'];
type Files = Record<string, string>;

const IDENTITY = ['-c', 'user.name=Ada', '-c', 'user.email=ada@foldline.example', '-c', 'commit.gpgsign=false'];
const LINT = 'lint:\n  script: make lint\n';
const LIBRARY = { projectId: projectIdOf('acme', 'library'), owner: 'acme', name: 'library' };
const libraryStream = projectStream(LIBRARY.projectId);
const COMPONENT = 'spec: { inputs: { name: { default: lint } } }\n---\n$[[ inputs.name ]]: { script: make }\n';

/** A git repository in a directory, whose commits tests write. */
class Repository {
  constructor(readonly url: string) {
    mkdirSync(url, { recursive: true });
    this.git('init', '--quiet', '--initial-branch=main');
  }
  git(...args: string[]): string {
    return execFileSync('git', [...IDENTITY, ...args], { cwd: this.url, encoding: 'utf8' }).trim();
  }
  commit(files: Files): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.url, path)), { recursive: true });
      writeFileSync(join(this.url, path), text);
    }
    this.git('add', '--all');
    this.git('commit', '--quiet', '--allow-empty', '-m', 'x');
    return this.git('rev-parse', 'HEAD');
  }
}

let home: string;
let engine: Repository;
let library: Repository;
const commits: Record<string, string> = {};

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'foldline-included-'));
  engine = new Repository(join(home, 'engine'));
  engine.commit({ 'templates/own.yml': 'own: { script: make }\n' });
  library = new Repository(join(home, 'library'));
  commits['1.0.0'] = library.commit({ 'templates/lint.yml': COMPONENT });
  library.git('tag', '1.0.0');
  commits['v1.2.0'] = library.commit({ 'templates/deep/template.yml': COMPONENT });
  library.git('tag', '-a', 'v1.2.0', '-m', 'of a kind of its own');
  commits['2.0.0-rc'] = library.commit({ 'README.md': 'soon' });
  library.git('tag', '2.0.0-rc');
  commits['main'] = library.commit({
    'ci/lint.yml': LINT,
    'ci/all.yml': 'include: [ci/lint.yml]\n',
    'ci/each.yml': 'include: [{ local: "ci/li*.yml", rules: [{ exists: [ci/large.yml] }] }]\n',
    'ci/large.yml': `# ${'x'.repeat(600_000)}\n`,
    'ci/latin.yml': '',
    'templates/itself.yml':
      'spec: { component: [version, sha] }\n---\n"of $[[ component.version ]]": { script: make }\n',
  });
  writeFileSync(join(library.url, 'ci/latin.yml'), Buffer.from('lint: { script: "\xe9" }\n', 'latin1'));
  commits['main'] = library.commit({});
  library.git('tag', '0.3.1');
  library.git('branch', 'both');
  library.git('tag', 'both', '1.0.0');
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

let directory: string;
let embedded: EmbeddedPorts;
let planning: PlanOnPipelineRequested;
let server: Server;
let listener: RequestListener;
let asked: string[];
let web: string;
let pipelineId: string;
let pipelines = 0;

const settingsFor = (port: number): Partial<Settings> => ({
  dataDirectory: directory,
  logLevel: 'silent',
  allowPrivateTargets: true,
  includeHosts: [allowedHost(`http://127.0.0.1:${port}`)!],
});

const open = async (settings: Partial<Settings>): Promise<void> => {
  embedded = await openEmbeddedPorts(settings as Settings, READ_MODELS);
  planning = planningWith(embedded.ports);
};

const close = async (): Promise<void> => {
  await planning.beforeApplicationShutdown();
  await embedded.close();
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'foldline-including-'));
  server = createServer((request, response) => {
    asked.push(request.url!);
    listener(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  web = `http://127.0.0.1:${port}`;
  await open(settingsFor(port));
  await record(libraryStream, ProjectRegistered({ ...LIBRARY, url: library.url, defaultBranch: 'main' }));
});
afterAll(async () => {
  await close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(directory, { recursive: true, force: true });
});

beforeEach(() => {
  pipelineId = `p${(pipelines += 1)}`;
  asked = [];
  listener = (_request, response) => response.end(LINT);
});

let recorded = 0;
const record = async (stream: string, ...events: NewEvent[]): Promise<number> => {
  const { eventStore } = embedded.ports;
  const revision = (await eventStore.readStream(stream, 0)).at(-1)?.revision ?? -1;
  const actor = { kind: 'system' as const, id: 'spec' };
  const prepared = events.map((event) => ({
    ...event,
    id: `event-${(recorded += 1)}`,
    causationId: 'spec',
    correlationId: 'spec',
    actor,
  }));
  return (await eventStore.append(stream, prepared, revision)).position;
};

/** Lets these projects, and no others, include files of `acme/library`. */
const letIn = (...callers: string[]): Promise<number> =>
  record(libraryStream, CallersSet({ projectId: LIBRARY.projectId, callers }));

const requested = async (definition: string): Promise<Recorded<ReturnType<typeof PipelineRequested>>> => {
  const sha = engine.commit({ '.codara-ci.yml': `${definition}\ntest: { script: make }\n` });
  const event = PipelineRequested({
    pipelineId,
    project: { ...sampleContext.project, owner: 'ada', name: 'engine', url: engine.url, defaultBranch: 'main' },
    ref: { name: 'main', kind: 'branch', protected: false },
    sha,
    source: 'push',
    variables: {},
    projectVariables: [],
    secrets: [],
  });
  const position = await record(triggerStream(pipelineId), event);
  const stored = await embedded.ports.eventStore.readStream(triggerStream(pipelineId), 0);
  return { ...stored.at(-1), position } as Recorded<ReturnType<typeof PipelineRequested>>;
};

const outcomes = () => embedded.ports.eventStore.readStream(planStream(pipelineId), 0);
const outcome = async (definition: string) => {
  await planning.plan(await requested(definition));
  const [event] = await outcomes();
  return event!;
};
const planOf = async (definition: string): Promise<Planned['plan']> => {
  const { type, data } = await outcome(definition);
  expect({ type, data }).toMatchObject({ type: 'PipelinePlanned' });
  return (data as Planned).plan;
};
const problemsOf = async (definition: string): Promise<Rejected['problems']> => {
  const { type, data } = await outcome(definition);
  expect({ type, data }).toMatchObject({ type: 'PlanRejected' });
  return (data as Rejected).problems;
};
const jobsOf = ({ jobs }: Planned['plan']): string[] => jobs.map(({ name }) => name).toSorted();
const ofLibrary = (more = 'file: ci/lint.yml'): string => `include: [{ project: acme/library, ${more} }]`;
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

describe('A file of another project', () => {
  it('is what its default branch has, and the plan says which commit that was', async () => {
    await letIn('ada/engine');
    const plan = await planOf(ofLibrary());
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toEqual([
      {
        kind: 'project',
        project: 'acme/library',
        path: 'ci/lint.yml',
        sha256: hashOf(LINT),
        commit: commits['main'],
      },
    ]);
  });

  it.each(['ada/*', 'ADA/Engine'])('may be included by the projects that %s names', async (caller) => {
    await letIn(caller);
    expect(jobsOf(await planOf(ofLibrary()))).toEqual(['lint', 'test']);
  });

  it('includes others of its own commit', async () => {
    await letIn('ada/engine');
    const plan = await planOf(ofLibrary('ref: main, file: ci/all.yml'));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([
      { path: 'ci/all.yml', ref: 'main' },
      { path: 'ci/lint.yml', ref: commits['main'], commit: commits['main'] },
    ]);
  });

  it('includes others of its own commit by a pattern, where files exist in it', async () => {
    await letIn('ada/engine');
    const plan = await planOf(ofLibrary('file: ci/each.yml'));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([{ path: 'ci/each.yml' }, { path: 'ci/lint.yml', commit: commits['main'] }]);
  });

  it('is refused, and how that is changed is told, while the project does not let it', async () => {
    await letIn('ada/other');
    const [problem, ...others] = await problemsOf(ofLibrary());
    expect(others).toEqual([]);
    expect(problem).toMatchObject({
      code: 'include-not-allowed',
      line: 1,
      hint: expect.stringContaining('PUT /api/acme/library/callers'),
    });
  });

  it('is refused in the same words where there is no such project', async () => {
    await letIn();
    const [closed] = await problemsOf(ofLibrary());
    pipelineId += '-again';
    const [unknown] = await problemsOf(ofLibrary().replace('library', 'nothing'));
    expect(JSON.parse(JSON.stringify(unknown).replaceAll('acme/nothing', 'acme/library'))).toEqual(closed);
  });

  it.each([
    ['ref: nowhere, file: ci/lint.yml', 'include-unknown-ref'],
    [`ref: ${'f'.repeat(40)}, file: ci/lint.yml`, 'include-unknown-ref'],
    ['ref: "--upload-pack=x", file: ci/lint.yml', 'include-unknown-ref'],
    ['file: ci/nothing.yml', 'include-missing-file'],
    ['file: ci/large.yml', 'include-too-large'],
    ['file: ci/latin.yml', 'binary-content'],
  ])('with %s is told as %s', async (more, code) => {
    await letIn('ada/engine');
    expect(await problemsOf(ofLibrary(more))).toMatchObject([{ code }]);
  });

  it('of the project itself needs nobody to let it', async () => {
    const plan = await planOf('include: [{ project: ada/engine, ref: main, file: templates/own.yml }]');
    expect(jobsOf(plan)).toEqual(['own', 'test']);
  });
});

describe('A component', () => {
  const component = (written: string, more = ''): string => `include: [{ component: acme/library/${written}${more} }]`;

  it.each([
    ['lint@1.0.0', '1.0.0'],
    ['lint@1', 'v1.2.0'],
    ['lint@1.0', '1.0.0'],
    ['deep@~latest', 'v1.2.0'],
    ['deep@main', 'main'],
  ])('%s is the file that it names at %s', async (written, ref) => {
    await letIn('ada/engine');
    const plan = await planOf(component(written));
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toMatchObject([{ kind: 'component', project: 'acme/library', commit: commits[ref] }]);
  });

  it('is of the tag where a branch has the same name', async () => {
    await letIn('ada/engine');
    expect((await planOf(component('lint@both'))).included).toMatchObject([{ commit: commits['1.0.0'] }]);
  });

  it.each([
    ['0', 'of 0.3.1'],
    ['0.3.1', 'of 0.3.1'],
    ['main', 'of '],
  ])('of version %s knows which release that is', async (version, job) => {
    await letIn('ada/engine');
    expect(jobsOf(await planOf(component(`itself@${version}`)))).toEqual([job, 'test']);
  });

  it('is given inputs', async () => {
    await letIn('ada/engine');
    const plan = await planOf(component(`lint@${commits['1.0.0']}`, ', inputs: { name: style }'));
    expect(jobsOf(plan)).toEqual(['style', 'test']);
  });

  it.each([
    ['deep@1.0.0', 'include-missing-file'],
    ['lint@2', 'include-unknown-ref'],
    ['lint@~newest', 'include-unknown-ref'],
    ['lint@nowhere', 'include-unknown-ref'],
  ])('%s is told as %s', async (written, code) => {
    await letIn('ada/engine');
    expect(await problemsOf(component(written))).toMatchObject([{ code }]);
  });

  it('of a project that does not let it is refused', async () => {
    await letIn();
    expect(await problemsOf(component('lint@1.0.0'))).toMatchObject([{ code: 'include-not-allowed' }]);
  });
});

describe('A remote file', () => {
  const answer = (...statuses: number[]): void => {
    listener = (_request, response) => response.writeHead(statuses.shift() ?? 200).end(LINT);
  };

  it('is read once, and not again when the request is delivered again', async () => {
    const event = await requested(`include: ${web}/lint.yml?ref=main`);
    await planning.plan(event);
    listener = (_request, response) => response.end('other: { script: make }');
    await planning.plan(event);
    const [planned, ...others] = await outcomes();
    expect(others).toEqual([]);
    const { plan } = planned!.data as Planned;
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
    expect(plan.included).toEqual([{ kind: 'remote', url: `${web}/lint.yml`, sha256: hashOf(LINT) }]);
    expect(asked).toEqual(['/lint.yml?ref=main']);
  });

  it('is asked for again where that may help', async () => {
    answer(503, 200);
    expect(jobsOf(await planOf(`include: ${web}/lint.yml`))).toEqual(['lint', 'test']);
    expect(asked).toHaveLength(2);
  });

  it('is given up, and told as a problem, when that does not help', async () => {
    answer(503, 503, 503, 200);
    expect(await problemsOf(`include: ${web}/lint.yml?token=x`)).toMatchObject([
      { code: 'include-unreachable', message: `\`${web}/lint.yml\` could not be read: its server answered 503.` },
    ]);
    expect(asked).toHaveLength(3);
  });

  it.each([
    [302, 'include-unreachable'],
    [401, 'include-unreachable'],
    [404, 'include-missing-file'],
  ])('that is answered with %d is asked for once and told as %s', async (status, code) => {
    answer(status);
    expect(await problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code }]);
    expect(asked).toHaveLength(1);
  });

  it('that is too large is refused', async () => {
    listener = (_request, response) => response.end('x'.repeat(600_000));
    expect(await problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code: 'include-too-large' }]);
  });

  it('that is no text is refused', async () => {
    listener = (_request, response) => response.end(Buffer.from([0xff, 0xfe, 0x00]));
    expect(await problemsOf(`include: ${web}/lint.yml`)).toMatchObject([{ code: 'binary-content' }]);
  });

  it('with its hash is read', async () => {
    const hash = createHash('sha256').update(LINT).digest('base64');
    const plan = await planOf(`include: [{ remote: '${web}/lint.yml', integrity: sha256-${hash} }]`);
    expect(jobsOf(plan)).toEqual(['lint', 'test']);
  });

  it('with the hash of another is refused', async () => {
    const hash = createHash('sha256').update('other').digest('base64');
    expect(await problemsOf(`include: [{ remote: '${web}/lint.yml', integrity: sha256-${hash} }]`)).toMatchObject([
      { code: 'include-integrity' },
    ]);
  });

  it('of a host that is not named is not asked for, and the problem names the setting', async () => {
    const elsewhere = web.replace('127.0.0.1', 'localhost');
    const [problem] = await problemsOf(`include: ${elsewhere}/lint.yml`);
    expect(problem).toMatchObject({
      code: 'include-not-allowed',
      hint: expect.stringContaining('FOLDLINE_INCLUDE_HOSTS'),
    });
    expect(asked).toEqual([]);
  });

  it('of a private address is not asked for where the operator does not allow that', async () => {
    const outboundHttp = createOutboundHttp({ allowPrivateTargets: false });
    const careful = planningWith({ ...embedded.ports, outboundHttp });
    await careful.plan(await requested(`include: ${web}/lint.yml`));
    await careful.beforeApplicationShutdown();
    expect((await outcomes())[0]!.data).toMatchObject({ problems: [{ code: 'include-not-allowed' }] });
    expect(asked).toEqual([]);
  });
});
