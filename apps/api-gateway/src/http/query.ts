import { FORBIDDEN_KEYS } from './bodies.ts';

const OF_MAP = /^([A-Za-z]+)\[([^[\]]+)\]$/;

/** The parameters of a query: `name[key]=value` is an entry of the map `name`, and what is repeated is a list. */
export const parseQuery = (text: string): Record<string, unknown> => {
  const query = emptyMap();
  for (const [name, value] of new URLSearchParams(text)) {
    const [, map, key] = OF_MAP.exec(name) ?? [];
    const entries = map === undefined ? undefined : (query[map] ?? emptyMap());
    // What is no entry of a map keeps its whole name, which no route knows.
    if (!isMap(entries) || FORBIDDEN_KEYS.has(key!)) put(query, name, value);
    else query[map!] = put(entries, key!, value);
  }
  return query;
};

const emptyMap = (): Record<string, unknown> => Object.create(null) as Record<string, unknown>;

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const put = (map: Record<string, unknown>, name: string, value: string): Record<string, unknown> => {
  map[name] = name in map ? [map[name], value].flat() : value;
  return map;
};
