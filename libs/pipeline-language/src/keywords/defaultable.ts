/** What jobs have that do not write it themselves. */
export const defaultable = [
  'image',
  'services',
  'cache',
  'before_script',
  'after_script',
  'artifacts',
  'hooks',
  'id_tokens',
  'identity',
  'tags',
  'retry',
  'timeout',
  'interruptible',
  'cluster',
  'resources',
  'priority',
] as const;
