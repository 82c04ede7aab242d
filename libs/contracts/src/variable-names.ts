const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** Names that change what a shell, a linker or an interpreter does, and those that the system itself sets. */
const RESERVED = new Set([
  'PATH',
  'BASH_ENV',
  'ENV',
  'IFS',
  'PROMPT_COMMAND',
  'SHELLOPTS',
  'BASHOPTS',
  'PS4',
  'NODE_OPTIONS',
  'NODE_PATH',
  'RUBYOPT',
  'RUBYLIB',
  'JAVA_TOOL_OPTIONS',
  '_JAVA_OPTIONS',
  'JDK_JAVA_OPTIONS',
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'ALL_PROXY',
  'NO_PROXY',
  'HOME',
  'SHELL',
  'USER',
  '__PROTO__',
  'CONSTRUCTOR',
  'PROTOTYPE',
]);
const RESERVED_PREFIXES = ['LD_', 'DYLD_', 'CI_', 'FOLDLINE_', 'GIT_', 'BASH_FUNC_', 'DOCKER_', 'PYTHON', 'PERL5'];

/** Of those prefixes, what steers no program: it says who one is at registries, as for GitLab's runner. */
const ALLOWED = new Set(['DOCKER_AUTH_CONFIG']);

/** What is wrong with the name of a variable that is set from outside of a definition; nothing when it may be set. */
export const variableNameProblem = (name: string): string | undefined => {
  if (!NAME.test(name)) return 'a name has letters, digits and underscores, and does not begin with a digit';
  const upper = name.toUpperCase();
  if (ALLOWED.has(upper)) return undefined;
  const reserved = RESERVED.has(upper) || RESERVED_PREFIXES.some((prefix) => upper.startsWith(prefix));
  return reserved ? `${name} is reserved` : undefined;
};
