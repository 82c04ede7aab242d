import { limits } from '../limits.ts';
import type { Node } from '../node.ts';
import { inside, invalid, readFields, readMap, readText, type Where } from '../read.ts';
import { present } from './runner.ts';
import { checkVariableName } from './variables.ts';

export type Environment = { name: string; url?: string };

/** `environment: production` or `{name, url}` (seed S0-22). */
export const readEnvironment = (node: Node, where: Where): Environment | undefined => {
  if (node.kind !== 'map') return named(node, where);
  const later = ['on_stop', 'action', 'auto_stop_in', 'kubernetes', 'deployment_tier'];
  const fields = readFields(node, where, { known: ['name', 'url'], later });
  const name = fields?.get('name');
  if (!name) return invalid(node, where, 'needs a `name`');
  const url = fields?.get('url');
  const environment = named(name.value, inside(where, 'name'));
  const address = url && readUrl(url.value, inside(where, 'url'));
  return environment && { ...environment, ...present('url', address) };
};

const named = (node: Node, where: Where): Environment | undefined => {
  const name = readText(node, where);
  if (name === undefined) return undefined;
  const usable = /^[\w $./{}-]+$/.test(name) && name.length <= limits.nameLength;
  return usable ? { name } : invalid(node, where, 'may have letters, digits, spaces and `-_/$.{}`');
};

/** Shown as a link, so it must not be able to carry a script; a variable may stand for all of it. */
const readUrl = (node: Node, where: Where): string | undefined => {
  const url = readText(node, where);
  if (url === undefined) return undefined;
  return /^(https?:\/\/|\$)\S+$/.test(url) && url.length <= 2048
    ? url
    : invalid(node, where, 'must begin with `http://` or `https://`');
};

/** `secrets: {NAME: {vault: path}}`: the value is fetched when the job starts and never enters the plan (seed S0-29). */
export const readSecrets = (node: Node, where: Where): Record<string, { vault: string }> | undefined => {
  const entries = readMap(node, where);
  if (!entries) return undefined;
  const secrets: [string, { vault: string }][] = [];
  for (const { key, at, value } of entries.values()) {
    if (!checkVariableName(key, at, where)) continue;
    const vault = readVaultPath(value, inside(where, key));
    if (vault !== undefined) secrets.push([key, { vault }]);
  }
  return Object.fromEntries(secrets);
};

const readVaultPath = (node: Node, where: Where): string | undefined => {
  const shape = {
    known: ['vault'],
    later: ['file', 'token', 'azure_key_vault', 'gcp_secret_manager', 'aws_secrets_manager', 'akeyless'],
  };
  const entry = readFields(node, where, shape)?.get('vault');
  if (!entry) return invalid(node, where, 'needs `vault: path/of/the/secret`');
  const path = readText(entry.value, inside(where, 'vault'));
  if (path === undefined) return undefined;
  const usable =
    /^[\w.@-]+(\/[\w.@-]+)*$/.test(path) && !path.split('/').includes('..') && path.length <= limits.nameLength;
  return usable ? path : invalid(entry.value, inside(where, 'vault'), 'must be a path like `production/deploy_key`');
};
