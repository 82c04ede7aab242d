import { VariableLimitError, pipelineFactVariables, variableResolver, type VariableText } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
import type { Copy } from './expand-matrix.ts';
import type { Scope } from './expressions/evaluate.ts';
import { namesIn } from './names-in.ts';
import { shorten } from './node.ts';
import type { Trigger } from './select-jobs.ts';

/** Finds a variable as it was set; `sealed` when its value is nobody's business. */
type Found = VariableText & { sealed: boolean };
export type PipelineLayers = (name: string) => Found | undefined;
type Layer = Readonly<Record<string, string>>;

const own = (layer: Layer, name: string): string | undefined => (Object.hasOwn(layer, name) ? layer[name] : undefined);
const written = (text: string | undefined): Found | undefined =>
  text === undefined ? undefined : { text, isData: false, sealed: false };

/**
 * The variables that the conditions of one job look at. Later sources win, as in the job itself: predefined, the file's,
 * the job's, the project's, the request's.
 */
export class RuleScope implements Scope {
  readonly value: (name: string) => string | undefined;
  #lookedAtTheCopy = false;

  /** `ofTheCopy` are the names whose values copies of a job do not share. */
  constructor(
    find: PipelineLayers,
    readonly ofTheCopy: ReadonlySet<string> = new Set(),
  ) {
    this.find = (name) => {
      this.#lookedAtTheCopy ||= ofTheCopy.has(name);
      return find(name);
    };
    this.value = variableResolver(this.find);
  }

  readonly find: PipelineLayers;

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

  #isSealed(name: string, seen: Set<string>): boolean {
    const found = this.find(name);
    if (!found || seen.has(name)) return false;
    seen.add(name);
    if (found.sealed || found.isData) return found.sealed;
    return [...namesIn(found.text)].some((inner) => this.#isSealed(inner, seen));
  }
}

/** Of one definition for one trigger. */
export type RuleScopes = { ofPipeline: () => RuleScope; ofJob: (job: JobDefinition, copy?: Copy) => RuleScope };

/** What the scopes share is worked out once. */
export const ruleScopes = (definition: Pick<Definition, 'variables'>, trigger: Trigger): RuleScopes => {
  const facts = pipelineFactVariables(trigger);
  const project = new Map((trigger.sealed ?? []).map(({ name, value }) => [name, value]));
  const scope = (ofTheJob: Layer, itsVariables: Layer, ofTheCopy?: ReadonlySet<string>): RuleScope =>
    new RuleScope((variable) => {
      const requested = written(own(trigger.variables, variable));
      if (requested) return requested;
      const sealed = project.get(variable);
      if (sealed !== undefined) return { text: sealed, isData: true, sealed: true };
      const authored = own(itsVariables, variable) ?? own(definition.variables.values, variable);
      if (authored !== undefined) return written(authored);
      const predefined = own(ofTheJob, variable) ?? own(facts, variable);
      return predefined === undefined ? undefined : { text: predefined, isData: true, sealed: false };
    }, ofTheCopy);
  return {
    ofPipeline: () => scope({}, {}),
    ofJob: ({ name, stage, settings }, copy) =>
      scope(
        { CI_JOB_NAME: copy?.name ?? name, CI_JOB_STAGE: stage, CI_STAGE: stage },
        { ...settings.variables?.values, ...copy?.matrix },
        copy && new Set(['CI_JOB_NAME', ...Object.keys(copy.matrix ?? {})]),
      ),
  };
};
