// Projects that import each other in a circle cannot be built, or understood, one at a time.
import { packageOf } from './projects.mjs';
import { SPEC_FILE } from './rules.mjs';

const importsBetween = (files, projects) => {
  const edges = new Map(projects.map(({ package: name }) => [name, new Map()]));
  for (const { path, project, source } of files) {
    if (SPEC_FILE.test(path)) continue;
    for (const { specifier, line } of source.imports) {
      const target = specifier && packageOf(specifier);
      const from = edges.get(project.package);
      if (target !== project.package && edges.has(target) && !from.has(target)) from.set(target, { path, line });
    }
  }
  return edges;
};

/** One violation per circle, at the import that closes it. */
export const checkCycles = (files, projects) => {
  const edges = importsBetween(files, projects);
  const done = new Set();
  const found = [];
  const visit = (name, trail) => {
    if (done.has(name)) return;
    for (const [target, { path, line }] of edges.get(name)) {
      const start = trail.indexOf(target);
      if (start < 0) visit(target, [...trail, target]);
      else {
        const circle = [...trail.slice(start), target].join(' → ');
        found.push({ file: path, line, rule: 'no-cycles', message: `projects import each other: ${circle}` });
      }
    }
    done.add(name);
  };
  for (const name of edges.keys()) visit(name, [name]);
  return found;
};
