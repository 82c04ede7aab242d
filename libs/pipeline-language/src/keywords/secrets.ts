import { record, type Gap } from '../grammar/record.ts';
import { boolean, mapped, named, orMap, text, type Shape } from '../grammar/shape.ts';
import { limits } from '../limits.ts';
import { inside, invalid, readMap } from '../read.ts';
import { anything } from './anything.ts';
import { checkVariableName } from './variables.ts';

export type Secrets = Record<string, { vault: string }>;

const path: Shape<string> = mapped(text, (read, node, where) => {
  const usable =
    /^[\w.@-]+(\/[\w.@-]+)*$/.test(read) && !read.split('/').includes('..') && read.length <= limits.nameLength;
  return usable ? read : invalid(node, where, 'must be a path like `production/deploy_key`');
});

const engine = record<{ name: string; path: string }>({
  name: { shape: text, description: 'The kind of engine.', example: 'kv-v2' },
  path: { shape: text, description: 'Where the engine is.', example: 'ops' },
});

/** In GitLab a secret has fields; here each is a secret of its own, below the path. */
const vault: Shape<string> = orMap(
  path,
  mapped(
    record<{ path: string; field: string; engine: unknown }>(
      {
        path: { shape: path, description: 'The path of the secret.', example: 'production/database' },
        field: {
          shape: path,
          description: 'In GitLab, a field of the secret; here, the last part of its path.',
          example: 'password',
          beside: { path: 'production/database' },
        },
        engine: {
          shape: engine,
          description: 'The engine of a vault of HashiCorp.',
          example: { name: 'kv-v2', path: 'ops' },
          beside: { path: 'production/database' },
          planned: { why: 'the vault of Foldline has no engines' },
        },
      },
      { required: ['path'] },
    ),
    ({ path: read, field }, node, where) => {
      if (node.kind === 'map' && !node.entries.has('path')) return invalid(node, where, 'needs a `path`');
      return read === undefined || field === undefined ? read : `${read}/${field}`;
    },
  ),
);

/** A name, or what the provider wants to know. */
const provided: Shape<unknown> = orMap(text, anything);

const elsewhere: Gap = { why: 'secrets come from the vault of Foldline', stops: true };
const beside = { vault: 'production/deploy_key' };

const versioned = record<{ name: string; version: string }>({
  name: { shape: text, description: 'The name of the secret.', example: 'key' },
  version: { shape: text, description: 'Its version.', example: 2, beside: { name: 'key' } },
});

const secret = record<{
  vault: string;
  file: boolean;
  token: string;
  azure_key_vault: unknown;
  gcp_secret_manager: unknown;
  gitlab_secrets_manager: unknown;
  aws_secrets_manager: unknown;
  akeyless: unknown;
}>({
  vault: { shape: vault, description: 'Where in the vault the secret is.', example: 'production/deploy_key' },
  file: {
    shape: boolean,
    description: 'Whether the variable holds the path of a file with the secret.',
    default: false,
    example: true,
    beside,
    planned: { why: 'the variable holds the secret itself' },
  },
  token: {
    shape: text,
    description: 'The ID token by which the secret is asked for.',
    example: '$VAULT_TOKEN',
    beside,
    planned: { why: 'the vault of Foldline asks for none' },
  },
  azure_key_vault: {
    shape: versioned,
    description: 'A secret of Azure.',
    example: { name: 'key' },
    planned: elsewhere,
  },
  gcp_secret_manager: {
    shape: versioned,
    description: 'A secret of Google Cloud.',
    example: { name: 'key', version: 2 },
    planned: elsewhere,
  },
  gitlab_secrets_manager: {
    shape: record<{ name: string }>({ name: { shape: text, description: 'The name of the secret.', example: 'key' } }),
    description: 'A secret of GitLab.',
    example: { name: 'key' },
    planned: elsewhere,
  },
  aws_secrets_manager: {
    shape: provided,
    description: 'A secret of AWS.',
    example: { secret_id: 'key' },
    planned: elsewhere,
  },
  akeyless: { shape: provided, description: 'A secret of Akeyless.', example: { name: 'key' }, planned: elsewhere },
});

/** `secrets: {NAME: {vault: path}}`: the value is fetched when the job starts and never enters the plan (seed S0-29). */
export const secrets: Shape<Secrets> = named(secret, (node, where) => {
  const entries = readMap(node, where);
  if (!entries) return undefined;
  const read: [string, { vault: string }][] = [];
  for (const { key, at, value } of entries.values()) {
    if (!checkVariableName(key, at, where)) continue;
    const vault = readVault(value, inside(where, key));
    if (vault !== undefined) read.push([key, { vault }]);
  }
  return Object.fromEntries(read);
});

const readVault: Shape<string>['read'] = (node, where) => {
  const marked = where.marks.length;
  const { vault } = secret.read(node, where) ?? {};
  const isElsewhere = where.marks.slice(marked).some(({ stops }) => stops);
  if (vault === undefined && !isElsewhere && node.kind === 'map' && !node.entries.has('vault'))
    return invalid(node, where, 'needs `vault: path/of/the/secret`');
  return vault;
};
