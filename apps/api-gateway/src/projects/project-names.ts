export { projectIdOf } from '@foldline/kernel';

const NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}$/;

/** First path segments of the API itself: an owner of such a name would shadow them (C06). */
const RESERVED_OWNERS = new Set([
  'v1',
  'v2',
  'auth',
  'admin',
  'api',
  'jobs',
  'runners',
  'events',
  'docs',
  'metrics',
  'ws',
  'projects',
  'parked',
  'healthz',
  'readyz',
  'version',
  'openapi.json',
  'webhooks',
  'hooks',
  'assets',
  'static',
  'pipelines',
  'login',
  'logout',
  'settings',
  'system',
  'users',
  'foldline',
]);

export const isName = (name: string): boolean => NAME.test(name);
export const isOwner = (owner: string): boolean => isName(owner) && !RESERVED_OWNERS.has(owner.toLowerCase());
