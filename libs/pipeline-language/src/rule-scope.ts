import { VariableLimitError, pipelineFactVariables, variableResolver, type VariableText } from '@foldline/contracts';
import type { Definition, JobDefinition } from './definition.ts';
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

  constructor(readonly find: PipelineLayers) {
    this.value = variableResolver(find);
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
export type RuleScopes = { ofPipeline: () => RuleScope; ofJob: (job: JobDefinition) => RuleScope };

/** What the scopes share is worked out once. */
export const ruleScopes = (definition: Definition, trigger: Trigger): RuleScopes => {
  const facts = pipelineFactVariables(trigger);
  const project = new Map((trigger.sealed ?? []).map(({ name, value }) => [name, value]));
  const scope = (ofTheJob: Layer, itsVariables: Layer): RuleScope =>
    new RuleScope((variable) => {
      const requested = written(own(trigger.variables, variable));
      if (requested) return requested;
      const sealed = project.get(variable);
      if (sealed !== undefined) return { text: sealed, isData: true, sealed: true };
      const authored = own(itsVariables, variable) ?? own(definition.variables, variable);
      if (authored !== undefined) return written(authored);
      const predefined = own(ofTheJob, variable) ?? own(facts, variable);
      return predefined === undefined ? undefined : { text: predefined, isData: true, sealed: false };
    });
  return {
    ofPipeline: () => scope({}, {}),
    ofJob: ({ name, stage, settings }) =>
      scope({ CI_JOB_NAME: name, CI_JOB_STAGE: stage, CI_STAGE: stage }, settings.variables ?? {}),
  };
};
