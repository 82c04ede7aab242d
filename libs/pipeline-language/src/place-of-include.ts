import { pathProblem } from '@foldline/contracts';
import type { FileLocation } from './elsewhere.ts';
import { limits } from './limits.ts';
import { shorten, type Position } from './node.ts';
import type { Where } from './read.ts';

/** What an `include` names, as it is written or with its variables filled in. */
export type Target =
  | { kind: 'local'; path: string }
  | { kind: 'remote'; url: string }
  | { kind: 'project'; project: string; ref?: string; path: string }
  | { kind: 'component'; reference: string }
  | { kind: 'artifact'; path: string; job: string };

/** Where that is; a path is of the repository of the file that includes it. */
export type Place = Extract<Target, { kind: 'local' }> | FileLocation;

/** Host and port under which people reach the server, if it knows them. */
type Server = { fqdn: string | undefined };

const PROJECT = /^[\w-][\w.-]{0,99}\/[\w-][\w.-]{0,99}$/;
const COMPONENT = /^[\w-]{1,100}$/;

export const hasVariables = (target: Target): boolean => Object.values(target).some((text) => text.includes('$'));

/** As it is written. */
export const nameOfTarget = (target: Target): string => {
  if (target.kind === 'remote') return target.url;
  if (target.kind === 'component') return target.reference;
  return target.kind === 'project' ? `${target.project}:${target.path}` : target.path;
};

export const filledIn = (target: Target, fill: (text: string) => string): Target =>
  Object.fromEntries(Object.entries(target).map(([key, text]) => [key, key === 'job' ? text : fill(text)])) as Target;

/** Answers nothing after reporting why it is none. Without a server a component may be of any. */
export const placeOf = (target: Target, at: Position, where: Where, server?: Server): Place | undefined => {
  const refuse = (problem: Refused): undefined => refuseAt(problem, at, where);
  if (target.kind === 'local') {
    const path = yamlPath(target.path);
    return path === undefined ? refuse(noPath(target.path)) : { kind: 'local', path };
  }
  if (target.kind === 'remote') {
    const url = plainAddress(target.url);
    return url === undefined ? refuse(noAddress(target.url)) : { kind: 'remote', url };
  }
  if (target.kind === 'component') {
    const found = componentOf(target.reference, server);
    return 'code' in found ? refuse(found) : found;
  }
  const path = yamlPath(target.path);
  if (path === undefined) return refuse(target.kind === 'artifact' ? noArtifact(target) : noPath(target.path));
  if (target.kind === 'artifact') return { ...target, path };
  const project = projectName(target.project);
  if (project === undefined) return refuse(noProject(target.project));
  const { ref } = target;
  // One that is empty is as if it were not written, so that a variable may leave it open.
  return { kind: 'project', project, path, ...(ref && { ref }) };
};

export const projectName = (written: string): string | undefined => {
  const name = written.replace(/^\/+/, '');
  return PROJECT.test(name) ? name : undefined;
};

export const isPattern = (path: string): boolean => /[*?[{]/.test(path);

const yamlPath = (written: string): string | undefined => {
  const path = written.replace(/^\/+/, '');
  return pathProblem(path) === undefined && /\.ya?ml$/.test(path) ? path : undefined;
};

/** As a URL spells it, without what only a browser looks at. */
const plainAddress = (written: string): string | undefined => {
  if (written.length > limits.addressLength || !/^https?:\/\//i.test(written) || !URL.canParse(written))
    return undefined;
  const url = new URL(written);
  if (url.username !== '' || url.password !== '') return undefined;
  url.hash = '';
  return url.href;
};

/** `[host/]owner/name/component@version`. */
const componentOf = (
  reference: string,
  server: Server | undefined,
): Extract<FileLocation, { kind: 'component' }> | Refused => {
  const [path = '', version = '', ...more] = reference.split('@');
  const names = path.split('/');
  const component = names.pop()!;
  const project = names.slice(-2).join('/');
  // `$CI_SERVER_FQDN` is empty where nobody knows it.
  const [host = '', ...above] = names.slice(0, -2);
  const isNone = !COMPONENT.test(component) || !PROJECT.test(project) || version === '' || more.length > 0;
  if (isNone || above.length > 0) return noComponent(reference);
  if (host !== '' && server && host.toLowerCase() !== server.fqdn?.toLowerCase()) return otherServer(host, server.fqdn);
  return { kind: 'component', project, component, version };
};

type Refused = { code: 'unsafe-path' | 'invalid-value' | 'include-not-allowed'; message: string; hint: string };

const noPath = (written: string): Refused => ({
  code: 'unsafe-path',
  message: `names \`${shorten(written)}\`, which is no path of a YAML file in this repository.`,
  hint: 'Write a path such as `ci/build.yml`.',
});

const noArtifact = ({ path, job }: { path: string; job: string }): Refused => ({
  code: 'unsafe-path',
  message: `names \`${shorten(path)}\`, which is no path of a YAML file among the artifacts of \`${shorten(job)}\`.`,
  hint: 'Write a path such as `generated/build.yml`.',
});

/** A password that somebody wrote into an address would lie in the log of events with the problem. */
const noAddress = (written: string): Refused => ({
  code: 'invalid-value',
  message: `names \`${shorten(withoutSecrets(written))}\`, which is no address of a file.`,
  hint: 'Write an address such as `https://example.com/ci/build.yml`, without a user name or a password.',
});

const noProject = (written: string): Refused => ({
  code: 'invalid-value',
  message: `names \`${shorten(written)}\`, which is no project.`,
  hint: 'Write the project as `owner/name`.',
});

const noComponent = (written: string): Refused => ({
  code: 'invalid-value',
  message: `names \`${shorten(written)}\`, which is no component.`,
  hint: 'Write `$CI_SERVER_FQDN/owner/name/component@version`.',
});

const otherServer = (host: string, fqdn: string | undefined): Refused => ({
  code: 'include-not-allowed',
  message: `names a component of \`${shorten(host)}\`, and only those of this server are read; ${
    fqdn === undefined ? 'it does not know its own address' : `that is \`${fqdn}\``
  }.`,
  hint: 'Write `owner/name/component@version` without a host, of a project of this server.',
});

const withoutSecrets = (address: string): string => address.replace(/[?#].*$/s, '').replace(/^([^/]*\/\/).*@/s, '$1…@');

export const refuseProject = (written: string, at: Position, where: Where): undefined =>
  refuseAt(noProject(written), at, where);

const refuseAt = ({ code, message, hint }: Refused, at: Position, { label, report }: Where): undefined => {
  report.error(code, at, `${label} ${message}`, hint);
};
