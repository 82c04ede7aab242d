import { mayCall, type ProjectDoc, type ProjectRef } from '@foldline/contracts';
import { PermanentError, projectIdOf, Refusal, type ResolvedRef, type SourceRepository } from '@foldline/kernel';
import { unread, type Location, type NotFound, type ReadBytes } from './elsewhere.ts';
import { limits } from './limits.ts';
import { isPartialVersion, isRelease, newestOf } from './semantic-version.ts';

export type ProjectTools = {
  repositories: SourceRepository;
  /** A project by its id, as it is now. */
  findProject: (id: string) => Promise<ProjectDoc | undefined>;
};

type OfProject = Extract<Location, { kind: 'project' | 'component' | 'tree' }>;
type Readable = Pick<ProjectRef, 'id' | 'url' | 'defaultBranch'>;
/** A commit in this host's copy. */
type Fetched = { projectId: string; sha: string; release?: string };
type Ref = Pick<ResolvedRef, 'sha' | 'name' | 'kind'>;
type Reader = (location: OfProject) => Promise<ReadBytes | NotFound>;

/** Reads files of projects that let this one include them, each ref as the commit that it is when it is first asked for. */
export const projectReader = ({ repositories, findProject }: ProjectTools, asking: ProjectRef): Reader => {
  const own = projectIdOf(asking.owner, asking.name);
  const commits = new Map<string, Promise<Fetched | NotFound>>();

  const readable = async (project: string): Promise<Readable | undefined> => {
    const [owner = '', name = ''] = project.split('/');
    const id = projectIdOf(owner, name);
    if (id === own) return asking;
    const found = await findProject(id);
    return found && mayCall(found, `${asking.owner}/${asking.name}`) ? found : undefined;
  };

  const fetched = async (location: OfProject): Promise<Fetched | NotFound> => {
    const project = await readable(location.project);
    if (!project) return notAllowed(location, asking);
    const { id: projectId, url } = project;
    const ref = await refOf(location, project, repositories);
    if (!ref) return unread(location, 'include-unknown-ref', 'is not there: its project has no such ref');
    await repositories.fetchCommit({ projectId, url, ref: ref.name, sha: ref.sha });
    return { projectId, sha: ref.sha, ...(ref.kind === 'tag' && isRelease(ref.name) && { release: ref.name }) };
  };

  const commitOf = (location: OfProject): Promise<Fetched | NotFound> => {
    const key = JSON.stringify([location.project.toLowerCase(), location.kind === 'component', refWritten(location)]);
    const known = commits.get(key);
    if (known) return known;
    const asked = fetched(location);
    commits.set(key, asked);
    return asked;
  };

  return async (location) => {
    try {
      const commit = await commitOf(location);
      if ('problem' in commit) return commit;
      if (location.kind === 'tree') {
        const paths = await repositories.listFiles(commit.projectId, commit.sha);
        return { bytes: new TextEncoder().encode(JSON.stringify(paths)) };
      }
      for (const path of pathsOf(location)) {
        const bytes = await repositories.readFile(commit.projectId, commit.sha, path, limits.fileBytes);
        if (bytes) return { bytes, at: commit.sha, ...(commit.release !== undefined && { release: commit.release }) };
      }
      return unread(
        location,
        'include-missing-file',
        `is not there at commit ${commit.sha.slice(0, 8)}`,
        MISSING[location.kind],
      );
    } catch (error) {
      return problemOf(location, error);
    }
  };
};

const refWritten = (location: OfProject): string | undefined =>
  location.kind === 'component' ? location.version : location.ref;

/** Of a component a tag comes before a branch, of a file a branch before a tag. */
const refOf = async (
  location: OfProject,
  { url, defaultBranch }: Readable,
  repositories: SourceRepository,
): Promise<Ref | undefined> => {
  if (location.kind !== 'component') return repositories.resolveRef(url, location.ref ?? defaultBranch);
  const { version } = location;
  const named = version.startsWith('~') ? undefined : await namedVersion(version, url, repositories);
  if (named || !isPartialVersion(version)) return named;
  const tags = await repositories.listTags(url);
  const name = newestOf(tags.keys(), version);
  return name === undefined ? undefined : { name, kind: 'tag', sha: tags.get(name)! };
};

const namedVersion = async (version: string, url: string, repositories: SourceRepository): Promise<Ref | undefined> =>
  COMMIT.test(version)
    ? { sha: version, name: version, kind: 'commit' }
    : ((await repositories.resolveRef(url, version, 'tag')) ?? repositories.resolveRef(url, version));

const COMMIT = /^[0-9a-f]{40}$/;

const pathsOf = (location: Exclude<OfProject, { kind: 'tree' }>): string[] => {
  if (location.kind === 'project') return [location.path];
  const { component } = location;
  return [`templates/${component}.yml`, `templates/${component}/template.yml`];
};

const MISSING = {
  project: 'Name a file that the project has at this ref, by its path from the root of the repository.',
  component: 'A component is the file `templates/NAME.yml` or `templates/NAME/template.yml` of its project.',
};

const notAllowed = (location: OfProject, { owner, name }: ProjectRef): NotFound =>
  unread(
    location,
    'include-not-allowed',
    `is not read: there is no project \`${location.project}\` that lets \`${owner}/${name}\` include its files`,
    `An admin of that project adds \`${owner}/${name}\` by \`PUT /api/${location.project}/callers\`.`,
  );

/** Trouble that stays; any other is thrown on. Nothing of what git says is told: it may be about another's repository. */
const problemOf = (location: OfProject, error: unknown): NotFound => {
  if (location.kind === 'tree') throw error;
  const code = error instanceof Refusal ? error.code : undefined;
  // Git answers the same where a commit is not there and where nobody may have it.
  if (code === 'repository_unreachable' && COMMIT.test(refWritten(location) ?? ''))
    return unread(
      location,
      'include-unknown-ref',
      'is not there: the repository of its project has not given this commit',
    );
  if (code === 'repository_unreachable')
    return unread(location, 'include-unreachable', 'could not be read: the repository of its project does not answer');
  if (code === 'definition_too_large')
    return unread(location, 'include-too-large', `is too large: at most ${limits.fileBytes} bytes are read`);
  if (code === 'definition_not_a_file')
    return unread(location, 'include-missing-file', 'is no regular file; links and directories are not followed');
  if (code === 'invalid_ref' || error instanceof PermanentError)
    return unread(location, 'include-unknown-ref', 'is not there: its project has no such ref');
  throw error;
};
