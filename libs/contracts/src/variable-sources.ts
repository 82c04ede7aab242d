import { VariableLimitError, variableResolver, type VariableText } from './variables.ts';

/** Where the variables of a job come from, the weakest first: the order is said here and nowhere else. */
export const VARIABLE_SOURCES = [
  'predefined',
  'file',
  'job',
  /** What earlier jobs have handed on. */
  'report',
  'project',
  'request',
  'secret',
] as const;
export type VariableSource = (typeof VARIABLE_SOURCES)[number];

/** `isData` tells of single names what the source does not say of all. */
export type VariableLayer = {
  values: Readonly<Record<string, string>>;
  /** What the layers of many jobs have in common, looked at after their own: it would be copied for each. */
  common?: Readonly<Record<string, string>>;
  isData?: ((name: string) => boolean) | undefined;
};
export type VariableLayers = Partial<Record<VariableSource, VariableLayer>>;
export type FoundVariable = VariableText & { source: VariableSource };
export type FindVariable = (name: string) => FoundVariable | undefined;

const STRONGEST_FIRST = VARIABLE_SOURCES.toReversed();
/** What people wrote for the pipeline may name other variables; values from elsewhere are taken as they are. */
const WRITTEN = new Set<VariableSource>(['file', 'job', 'request']);
/** Names that nobody else sets: whatever came in under one of them claims a ref, a commit or a job that is not its own. */
const isOurs = (name: string): boolean => name.startsWith('CI_');

/** Finds a variable in the strongest source that has it. */
export const variableFinder =
  (layers: VariableLayers): FindVariable =>
  (name) => {
    const from = (source: VariableSource): FoundVariable | undefined => {
      const layer = layers[source];
      const text = layer && valueIn(layer, name);
      if (text === undefined) return undefined;
      return { text, isData: layer!.isData?.(name) ?? !WRITTEN.has(source), source };
    };
    const predefined = isOurs(name) ? from('predefined') : undefined;
    if (predefined) return predefined;
    for (const source of STRONGEST_FIRST) {
      const found = from(source);
      if (found) return found;
    }
    return undefined;
  };

const valueIn = ({ values, common }: VariableLayer, name: string): string | undefined => {
  if (Object.hasOwn(values, name)) return values[name];
  return common && Object.hasOwn(common, name) ? common[name] : undefined;
};

/** A layer of which these names hold what is never filled in. */
export const layerOf = (values: Readonly<Record<string, string>>, raw: readonly string[] = []): VariableLayer => {
  const names = new Set(raw);
  return names.size === 0 ? { values } : { values, isData: (name) => names.has(name) };
};

/** A text with its variables filled in; `undefined` when it grows beyond all bounds. */
export const filledIn = (text: string, find: (name: string) => VariableText | undefined): string | undefined => {
  const whole = '';
  const resolve = variableResolver((name) => (name === whole ? { text, isData: false } : find(name)));
  try {
    return resolve(whole);
  } catch (error) {
    if (error instanceof VariableLimitError) return undefined;
    throw error;
  }
};
