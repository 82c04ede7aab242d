// Who may import what: `node scripts/boundaries.mjs` prints every violation as `file:line rule: message` and then
// exits with 1. The rules are in boundaries/rules.mjs; why there is a check of our own is told in
// docs/adr/0004-own-boundary-check.md.
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkCycles } from './boundaries/cycles.mjs';
import { checkImports } from './boundaries/imports.mjs';
import { readInstalled, readProjects } from './boundaries/projects.mjs';
import { PROJECTS, TAGS } from './boundaries/rules.mjs';
import { readSource } from './boundaries/source.mjs';
import { checkWords, pureFiles } from './boundaries/words.mjs';
import { filesUnder, root } from './workspace.mjs';

const CHECKED = /^(?:libs|apps)\/.+\.ts$/;
const READ = /\.ts$|(?:^|\/)(?:package|tsconfig)\.json$/;

const checkProjects = (projects) =>
  projects.flatMap(({ folder, tag, declared, references, package: name }) => {
    const say = (rule, message) => ({ file: `${folder}/package.json`, line: 1, rule, message });
    const referred = projects
      .filter((project) => references.includes(project.folder))
      .map((project) => project.package);
    const unlike = [
      ...declared.filter((one) => !referred.includes(one)),
      ...referred.filter((one) => !declared.includes(one)),
    ];
    return [
      ...(Object.hasOwn(TAGS, tag ?? '') ? [] : [say('tagged', `${name} needs one known tag type:<tag> in nx.tags`)]),
      ...unlike.map((one) => say('declared', `package.json and tsconfig.json do not agree about ${one}`)),
    ];
  });

/** Checks a whole workspace given as texts by path, so that a test can plant what it wants to see found. */
export const checkBoundaries = ({ files }) => {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const projects = readProjects(texts);
  const workspace = { projects, installed: readInstalled(texts) };
  const projectOf = (path) => projects.find(({ folder }) => path.startsWith(`${folder}/`));
  const sources = [...texts]
    .filter(([path]) => CHECKED.test(path))
    .map(([path, text]) => ({ path, project: projectOf(path), source: readSource(text) }));
  const homeless = sources.filter(({ project }) => !project);
  const checked = sources.filter(({ project }) => Object.hasOwn(TAGS, project?.tag ?? ''));
  const pure = pureFiles(checked);
  return [
    ...homeless.map(({ path }) => ({ file: path, line: 1, rule: 'project', message: 'belongs to no project' })),
    ...checkProjects(projects),
    ...checked.flatMap((file) => checkImports(file, file.project, workspace)),
    ...checked.flatMap((file) => checkWords(file, file.project, pure)),
    ...checkCycles(checked, projects),
  ].toSorted((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
};

/** The files of this workspace that the check reads. */
export const readWorkspace = () =>
  ['package.json', ...filesUnder('libs'), ...filesUnder('apps')]
    .filter((path) => READ.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));

const listed = (names) => (names.length === 0 ? '—' : names.map((name) => `\`${name}\``).join(', '));

/** The rules as the rows of CONTRIBUTING.md's table. */
export const tagRows = () => [
  ...Object.entries(TAGS).map(([tag, { may, packages, never = [], specs = [] }]) => [
    `\`${tag}\``,
    listed(may),
    listed(packages) + (never.length > 0 ? ` but not ${listed(never)}` : ''),
    listed(specs),
  ]),
  ...Object.entries(PROJECTS).map(([name, { may = [], packages = [] }]) => [
    `project \`${name}\`, besides its tag`,
    listed(may),
    listed(packages),
    '—',
  ]),
];

const main = () => {
  const files = readWorkspace();
  const violations = checkBoundaries({ files });
  for (const { file, line, rule, message } of violations) console.error(`${file}:${line} ${rule}: ${message}`);
  const count = files.filter(({ path }) => CHECKED.test(path)).length;
  console.log(`boundaries: ${violations.length} violations in ${count} files`);
  process.exitCode = violations.length === 0 ? 0 : 1;
};

if (process.argv[1] && import.meta.url === pathToFileURL(posix.normalize(process.argv[1])).href) main();
