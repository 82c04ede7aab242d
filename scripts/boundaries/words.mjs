// What certain files may not say: the outside world in pure files, the environment, appending events.
import { posix } from 'node:path';
import { matches } from './projects.mjs';
import {
  ENVIRONMENT,
  isPureByName,
  mayAppend,
  mayReadEnvironment,
  PURE_NEVER_IMPORTS,
  PURE_NEVER_SAYS,
  reachesOut,
  SPEC_FILE,
} from './rules.mjs';

const hits = (pattern, file) => [...file.source.code.matchAll(pattern)].map(({ index }) => file.source.lineOf(index));
const say = (file, line, rule, message) => ({ file: file.path, line, rule, message });

/**
 * Paths of the pure files, each with the file that makes it so: the ones named as such, and all that these run.
 * An import of types alone runs nothing.
 */
export const pureFiles = (files) => {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const pure = new Map(files.filter(({ path }) => isPureByName(path)).map(({ path }) => [path, path]));
  for (const [path, because] of pure) {
    for (const { specifier, typeOnly } of byPath.get(path).source.imports) {
      if (typeOnly || !specifier?.startsWith('.')) continue;
      const target = posix.join(posix.dirname(path), specifier);
      if (byPath.has(target) && !pure.has(target) && !reachesOut(target)) pure.set(target, because);
    }
  }
  return pure;
};

const checkPure = (file, because) => {
  const whose = because === file.path ? 'a pure file' : `a file that ${posix.basename(because)} runs`;
  return [
    ...file.source.imports
      .filter(({ specifier }) => specifier && matches(specifier, PURE_NEVER_IMPORTS))
      .map(({ specifier, line }) => say(file, line, 'pure', `${whose} may not import ${specifier}`)),
    ...PURE_NEVER_SAYS.flatMap(([pattern, name]) =>
      hits(pattern, file).map((line) => say(file, line, 'pure', `${whose} may not use ${name}`)),
    ),
  ];
};

const checkEnvironment = (file) => {
  const message = 'settings are read in libs/host/src/config.ts; mayReadEnvironment lists who else may look';
  const lines = [
    ...hits(ENVIRONMENT, file),
    ...file.source.imports.filter(({ specifier }) => specifier === 'node:process').map(({ line }) => line),
  ];
  return mayReadEnvironment(file.path) ? [] : lines.map((line) => say(file, line, 'environment', message));
};

const USUAL_NAMES = ['eventStore', 'store'];
const declaredAs = (type, code) =>
  [...code.matchAll(new RegExp(String.raw`\b(\w+)\??\s*:\s*${type}\b`, 'g'))].map(([, name]) => name);

/** Appending to an event store, whatever the store is called here; a log store has an `append` of its own. */
const checkAppend = (file) => {
  if (mayAppend(file.path)) return [];
  const { code } = file.source;
  const logs = declaredAs('LogStore', code);
  const names = [...USUAL_NAMES, ...declaredAs('EventStore', code)].filter((name) => !logs.includes(name));
  if (names.length === 0) return [];
  const pattern = new RegExp(String.raw`(?<!\w)(?:${names.join('|')})\s*(?:\.|\?\.)\s*append\s*\(`, 'g');
  return hits(pattern, file).map((line) =>
    say(file, line, 'append', 'only the command loop appends events (libs/kernel/src/handle-command.ts)'),
  );
};

/** What is wrong with the words of one file; tests may say what they like. */
export const checkWords = (file, project, pure) => {
  if (SPEC_FILE.test(file.path) || project.tag === 'testing') return [];
  return [
    ...(pure.has(file.path) ? checkPure(file, pure.get(file.path)) : []),
    ...checkEnvironment(file),
    ...(project.tag === 'adapter' ? [] : checkAppend(file)),
  ];
};
