import {
  VariableLimitError,
  filledIn,
  inEnvironment,
  jobFactVariables,
  layerOf,
  pipelineFactVariables,
  predefinedLayer,
  variableFinder,
  variableResolver,
  type FindVariable,
  type FoundVariable,
  type VariableLayers,
} from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import type { Copy } from './expand-matrix.ts';
import type { Scope } from './expressions/evaluate.ts';
import { takes, type Inherit } from './keywords/inherit.ts';
import { mergedVariables, type Variables } from './keywords/variables.ts';
import { namesIn } from './names-in.ts';
import { shorten } from './node.ts';
import { finding } from './pattern.ts';
import type { Trigger } from './select-jobs.ts';

/** The variables that the conditions of one job look at, as the job itself will find them; those of the project are sealed. */
export class RuleScope implements Scope {
  readonly value: (name: string) => string | undefined;
  #lookedAtTheCopy = false;

  /** `ofTheCopy` are the names whose values copies of a job do not share. */
  constructor(
    find: FindVariable,
    readonly isIn: Scope['isIn'],
    readonly ofTheCopy: ReadonlySet<string> = new Set(),
  ) {
    const found = new Map<string, FoundVariable | undefined>();
    this.find = (name) => {
      this.#lookedAtTheCopy ||= ofTheCopy.has(name);
      if (!found.has(name)) found.set(name, find(name));
      return found.get(name);
    };
    this.value = variableResolver(this.find);
  }

  readonly find: FindVariable;

  /** Whether another copy of the job could come to something else. */
  get lookedAtTheCopy(): boolean {
    return this.#lookedAtTheCopy;
  }

  written(name: string): string | undefined {
    return this.find(name)?.text;
  }

  /** For people: what a variable is, without the value of one that is sealed or made of one. */
  describe(name: string): string {
    let value: string | undefined;
    try {
      value = this.value(name);
    } catch (error) {
      if (error instanceof VariableLimitError) return `${name} cannot be filled in`;
      throw error;
    }
    if (value === undefined) return `${name} is not set`;
    if (value === '') return `${name} is empty`;
    return this.#isSealed(name, new Set()) ? `${name} is set` : `${name} is \`${shorten(value)}\``;
  }

  /** Whether a text is made of a variable that is. */
  isSealed(text: string): boolean {
    return [...namesIn(text)].some((name) => this.#isSealed(name, new Set()));
  }

  #isSealed(name: string, seen: Set<string>): boolean {
    const found = this.find(name);
    if (!found || seen.has(name)) return false;
    seen.add(name);
    if (found.source === 'project') return true;
    if (found.isData) return false;
    return [...namesIn(found.text)].some((inner) => this.#isSealed(inner, seen));
  }
}

/** Of one definition for one trigger. */
export type RuleScopes = { ofPipeline: () => RuleScope; ofJob: (job: JobDefinition, copy?: Copy) => RuleScope };

/** What the scopes share is worked out once. */
export const ruleScopes = ({ variables }: Pick<Definition, 'variables'>, trigger: Trigger): RuleScopes => {
  const facts = pipelineFactVariables(trigger);
  const file = layerOf(variables.values, variables.raw);
  const request = { values: trigger.variables };
  const ofPipeline: VariableLayers = { predefined: { values: facts }, file, request };
  const everywhere = projectLayer(trigger, undefined);
  const isIn = finding();
  return {
    ofPipeline: () => new RuleScope(variableFinder({ ...ofPipeline, project: everywhere }), isIn),
    ofJob: ({ name: definition, stage, settings }, copy) => {
      const { image, environment } = settings;
      const own = mergedVariables(settings.variables, copy?.matrix && { values: copy.matrix, raw: [] });
      const name = copy?.name ?? definition;
      const open: VariableLayers = {
        ...ofPipeline,
        predefined: predefinedLayer(jobFactVariables({ name, definition, stage, image: image?.name }), facts),
        file: inherited(variables, settings.inherit?.variables),
        job: layerOf(own.values, own.raw),
      };
      const place = environment && filledIn(environment.name, variableFinder(open));
      const project = place === undefined ? everywhere : projectLayer(trigger, place);
      const ofTheCopy = copy && new Set(['CI_JOB_NAME', 'CI_JOB_NAME_SLUG', ...Object.keys(copy.matrix ?? {})]);
      return new RuleScope(variableFinder({ ...open, project }), isIn, ofTheCopy);
    },
  };
};

/** Those of the file that a job takes over. */
const inherited = ({ values, raw }: Variables, taken: Inherit['variables']): VariableLayers['file'] =>
  layerOf(Object.fromEntries(Object.entries(values).filter(([name]) => takes(taken, name))), raw);

/** The project's variables that a job of this environment has. */
const projectLayer = (
  { sealed = [] }: Trigger,
  environment: string | undefined,
): NonNullable<VariableLayers['project']> => {
  const found = inEnvironment(sealed, ({ name }) => name, environment);
  const expanded = new Set(found.filter(({ expand }) => expand).map(({ name }) => name));
  return {
    values: Object.fromEntries(found.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value]]))),
    isData: (name) => !expanded.has(name),
  };
};
