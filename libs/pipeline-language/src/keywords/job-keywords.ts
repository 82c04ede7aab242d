import type { ArtifactSpec, CacheSpec, ClusterPower, RunnerRequirements, When } from '@foldline/contracts';
import { isUnresolved, type Entry, type Node } from '../node.ts';
import { readPattern } from '../pattern.ts';
import { readBoolean, readFields, readInteger, readText, type Located, type Where } from '../read.ts';
import { readArtifacts } from './artifacts.ts';
import { readCaches } from './cache.ts';
import { readMatrix, readParallel, type Copies } from './copies.ts';
import { readEnvironment, readSecrets, type Environment } from './environment.ts';
import { readDependencies, readNeeds, type NeedEntry } from './needed-jobs.ts';
import { readRefRules, type RefRule } from './refs.ts';
import { readRetry, type Retry } from './retry.ts';
import { readCluster, readImage, readResources, readServices } from './runner.ts';
import { readRules, type Rule } from './rules.ts';
import { readScript } from './script.ts';
import { readTimeout } from './timing.ts';
import { readVariables } from './variables.ts';
import { readWhen } from './when.ts';

/** What a job of the file says, one field per keyword. */
export type JobSettings = {
  stage: string;
  script: Located<string>[];
  before_script: Located<string>[];
  after_script: Located<string>[];
  image: string;
  services: string[];
  variables: Record<string, string>;
  cluster: ClusterPower;
  resources: Omit<RunnerRequirements, 'cluster'>;
  timeout: number;
  interruptible: boolean;
  when: When;
  allow_failure: boolean;
  only: RefRule[];
  except: RefRule[];
  rules: Rule[];
  retry: Retry;
  dependencies: Located<string>[];
  needs: NeedEntry[];
  parallel: Copies;
  matrix: Copies;
  environment: Environment;
  coverage: string;
  secrets: Record<string, { vault: string }>;
  artifacts: ArtifactSpec;
  cache: CacheSpec[];
  priority: number;
};
export type JobKeyword = keyof JobSettings;

type Readers = { [K in JobKeyword]: (node: Node, where: Where) => JobSettings[K] | undefined };

/** The language: one reader per keyword of a job. */
const readers: Readers = {
  stage: readText,
  script: readScript,
  before_script: readScript,
  after_script: readScript,
  image: readImage,
  services: readServices,
  variables: readVariables,
  cluster: readCluster,
  resources: readResources,
  timeout: readTimeout,
  interruptible: readBoolean,
  when: readWhen,
  allow_failure: (node, where) => readAllowFailure(node, where),
  only: readRefRules,
  except: readRefRules,
  rules: readRules,
  retry: readRetry,
  dependencies: readDependencies,
  needs: readNeeds,
  parallel: readParallel,
  matrix: readMatrix,
  environment: readEnvironment,
  coverage: (node, where) => readCoverage(node, where),
  secrets: readSecrets,
  artifacts: readArtifacts,
  cache: readCaches,
  priority: (node, where) => readInteger(node, where, 0, 10),
};

export const jobKeywords = Object.keys(readers) as JobKeyword[];
export const isJobKeyword = (key: string): key is JobKeyword => Object.hasOwn(readers, key);

/** Keywords of GitLab's jobs that are refused by name until they work. */
export const laterJobKeywords = [
  'trigger',
  'inherit',
  'release',
  'pages',
  'id_tokens',
  'identity',
  'tags',
  'resource_group',
  'hooks',
  'start_in',
  'dast_configuration',
  'manual_confirmation',
  'run',
  'publish',
];

/** Reads one keyword into the settings; leaves them alone after reporting why not. */
export const readKeyword = <K extends JobKeyword>(
  settings: Partial<JobSettings>,
  key: K,
  entry: Entry,
  where: Where,
): void => {
  if (isUnresolved(entry.value)) return;
  const value = readers[key](entry.value, where);
  if (value !== undefined) settings[key] = value;
};

const readAllowFailure = (node: Node, where: Where): boolean | undefined => {
  if (node.kind !== 'map') return readBoolean(node, where);
  readFields(node, where, { known: [], later: ['exit_codes'] });
  return undefined;
};

const readCoverage = (node: Node, where: Where): string | undefined => {
  const text = readText(node, where);
  return text === undefined ? undefined : readPattern(text, node.at, where);
};
