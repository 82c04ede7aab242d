// One file's imports against the rules of its project.
import { posix } from 'node:path';
import { matches, packageOf, SCOPE } from './projects.mjs';
import { HOST_ALLOWED_IN, PROJECTS, SPEC_FILE, SPEC_PACKAGES, TAGS } from './rules.mjs';

const violation = (file, line, rule, message) => ({ file: file.path, line, rule, message });

/** What is wrong with the imports of one file of a project. */
export const checkImports = (file, project, workspace) =>
  file.source.imports.flatMap((found) => checkImport(file, found, project, workspace));

const checkImport = (file, { specifier, line }, project, workspace) => {
  const say = (rule, message) => [violation(file, line, rule, message)];
  if (specifier === undefined) return say('literal-import', 'imports a computed name, which nothing can check');
  if (specifier.startsWith('.') || specifier.startsWith('/')) return checkRelative(specifier, file, project, say);
  return specifier.startsWith(SCOPE)
    ? checkWorkspaceImport(specifier, file, project, workspace, say)
    : checkPackageImport(specifier, file, project, workspace, say);
};

const checkRelative = (specifier, file, project, say) => {
  const target = posix.join(posix.dirname(file.path), specifier);
  if (!target.startsWith(`${project.folder}/`) || specifier.startsWith('/'))
    return say('own-project', `${specifier} lies outside ${project.folder}; import the package by its name`);
  return SPEC_FILE.test(target) && !SPEC_FILE.test(file.path) ? say('testing', `${specifier} is for specs only`) : [];
};

const checkWorkspaceImport = (specifier, file, project, { projects }, say) => {
  const name = packageOf(specifier);
  const target = projects.find((candidate) => candidate.package === name);
  if (!target) return say('known-package', `there is no package ${name}`);
  if (specifier !== name) return say('entry-point', `${specifier} is the inside of ${name}; import ${name}`);
  if (target === project) return say('own-project', `${name} imports itself by name; use a relative path`);
  const isSpec = SPEC_FILE.test(file.path);
  const forbidden = checkTag(target, isSpec, file, project, say);
  return isSpec || forbidden.length > 0 ? forbidden : checkDeclared(target, project, say);
};

/** What only the place that puts a service into a process may see of the house. */
const PUTS_TOGETHER = ['host', 'cluster', 'read-models'];

const checkTag = (target, isSpec, file, project, say) => {
  const { may, specs = [] } = TAGS[project.tag];
  const mayHere = [...may, ...(PROJECTS[project.name]?.may ?? [])];
  if (isSpec) mayHere.push('testing', ...specs);
  if (target.tag === 'testing' && !isSpec && project.tag !== 'testing')
    return say('testing', `${target.package} is for specs only`);
  if (project.tag === 'service' && PUTS_TOGETHER.includes(target.tag) && HOST_ALLOWED_IN.test(file.path)) return [];
  if (mayHere.includes(target.tag)) return [];
  return say('tags', `a ${project.tag} (${project.name}) may not import a ${target.tag} (${target.name})`);
};

const checkDeclared = (target, project, say) => [
  ...(project.declared.includes(target.package)
    ? []
    : say('declared', `${project.folder}/package.json does not list ${target.package}`)),
  ...(project.references.includes(target.folder)
    ? []
    : say('declared', `${project.folder}/tsconfig.json does not refer to ${target.folder}`)),
];

const checkPackageImport = (specifier, file, project, { installed }, say) => {
  const name = packageOf(specifier);
  const isSpec = SPEC_FILE.test(file.path);
  const forTests = isSpec || project.tag === 'testing';
  const { packages, never = [] } = TAGS[project.tag];
  const allowed = [...packages, ...(PROJECTS[project.name]?.packages ?? []), ...(isSpec ? SPEC_PACKAGES : [])];
  if (matches(name, never) || !matches(name, allowed))
    return say('packages', `a ${project.tag} (${project.name}) may not import ${name}`);
  if (name.startsWith('node:') || (forTests ? installed.all : installed.products).includes(name)) return [];
  return say('declared', `package.json does not list ${name}${forTests ? '' : ' under dependencies'}`);
};
