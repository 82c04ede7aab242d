import { DOWNSTREAM_LIMITS } from '@foldline/contracts';

/** Bounds on what a definition may ask for: every input has a limit, and each limit is told by a problem of its own. */
export const limits = {
  fileBytes: 512 * 1024,
  /** Flow brackets and indentation steps open at once; the parser was seen to survive 100. */
  depth: 50,
  /** Lexical tokens; keeps the pre-scan of a hostile file short in the process that serves requests. */
  tokens: 150_000,
  aliases: 50,
  /** Files, each as often as it is included. As in GitLab. */
  includes: 150,
  addressLength: 2048,
  /** Of all files of one definition that are not of its commit. */
  elsewhereBytes: 8 * 1024 * 1024,
  /** Of a child pipeline; as in GitLab. */
  childFiles: 3,
  /** Pipelines below one that nobody triggered, and how many of them below one another. */
  downstream: DOWNSTREAM_LIMITS.pipelines,
  downstreamDepth: DOWNSTREAM_LIMITS.depth,
  extendsLevels: 11,
  referenceLevels: 10,
  /** What `extends` merges, repeated keys counted. */
  mergedKeys: 200_000,
  /** Nodes after aliases and references are followed. */
  nodes: 200_000,
  keysPerMap: 5_000,
  problems: 100,
  nameLength: 255,
  valueBytes: 64 * 1024,
  patternLength: 1024,
  questionLength: 1024,
  pathLength: 1024,
  /** Of one condition; GitLab allows 100. */
  expressionTokens: 200,
  rulesPerJob: 100,
  /** Items of one `only` or `except`. */
  refsPerJob: 50,
  copiesPerJob: 200,
  jobs: 10_000,
  needsPerJob: 200,
  /** Edges between copies; bounds the plan and the scheduler's work. */
  edges: 100_000,
  /** Characters of scripts that are looked at while linting, each as often as it may be looked at. */
  shellWork: 6_000_000,
  /** The plan as JSON. */
  planBytes: 32 * 1024 * 1024,
  timeoutSeconds: 7 * 24 * 3600,
  retries: 10,
  fallbackKeys: 5,
  caches: 10,
  keyFiles: 10,
  services: 20,
  /** Of a release; steps of a job. */
  links: 100,
  steps: 100,
  inputs: 100,
  inputOptions: 50,
  /** What inputs may add to a file. */
  interpolatedCharacters: 512 * 1024,
  tags: 50,
  exitCodes: 50,
  /** As in GitLab. */
  pathsPerRule: 50,
  variableOptions: 100,
  /** Of a job that waits for a time; as in GitLab. */
  delaySeconds: 7 * 24 * 3600,
} as const;
