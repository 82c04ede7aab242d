import { EVERYWHERE, variableNameProblem } from '@foldline/contracts';
import { IsBoolean, IsIn, IsOptional, IsString, Length, Matches, MaxLength } from 'class-validator';
import { ReadQuery } from '../http/pages.ts';
import { invalidVariable, variableValueProblem } from '../triggers/variable-rules.ts';
import { notMaskable } from './project-variables.ts';

const MASKABLE_LENGTH = 8;
const VARIABLE_TYPES = ['env_var', 'file'] as const;
/** Variables make a part of many names of environments, so these may be nearly anything. */
const SCOPE = /^[^\p{Cc}]{1,255}$/u;
const SCOPE_RULE = 'environment_scope is the name of an environment, with * for any characters';

/** The names of GitLab's API, so that what sets variables there sets them here. */
class VariableTraits {
  @IsString()
  @MaxLength(65_536)
  value!: string;

  @IsOptional()
  @IsIn(VARIABLE_TYPES)
  variable_type?: (typeof VARIABLE_TYPES)[number];

  @IsOptional()
  @IsBoolean()
  protected?: boolean;

  @IsOptional()
  @IsBoolean()
  masked?: boolean;

  @IsOptional()
  @IsBoolean()
  raw?: boolean;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  description?: string;
}

export class VariableBody extends VariableTraits {
  @IsString()
  @Length(1, 255)
  key!: string;

  @IsOptional()
  @IsBoolean()
  masked_and_hidden?: boolean;

  @IsOptional()
  @IsString()
  @Matches(SCOPE, { message: SCOPE_RULE })
  environment_scope?: string;
}

export class VariableChangeBody extends VariableTraits {}

export class VariableQuery extends ReadQuery {
  @IsOptional()
  @IsString()
  @Matches(SCOPE, { message: SCOPE_RULE })
  environment_scope?: string;
}

/** Why a value cannot be hidden in logs: a short one would hide half the text, one of several lines is never seen whole. */
export const maskProblem = (value: string): string | undefined => {
  if (value.length < MASKABLE_LENGTH) return `a masked value has at least ${MASKABLE_LENGTH} characters`;
  return /[\r\n]/.test(value) ? 'a masked value is one line' : undefined;
};

export const checkValue = (value: string): void => {
  const message = variableValueProblem(value);
  if (message) throw invalidVariable([{ pointer: '/value', message }]);
};

/** Refuses what cannot be set; answers with it as it is recorded. */
export const traitsOf = (body: VariableBody) => {
  const message = variableNameProblem(body.key);
  if (message) throw invalidVariable([{ pointer: '/key', message }]);
  checkValue(body.value);
  const masked = (body.masked ?? false) || (body.masked_and_hidden ?? false);
  const problem = masked ? maskProblem(body.value) : undefined;
  if (problem !== undefined) throw notMaskable(problem);
  const scope = body.environment_scope ?? EVERYWHERE;
  return {
    protected: body.protected ?? false,
    masked,
    ...(body.variable_type === 'file' && { kind: 'file' as const }),
    ...(body.raw === false && { expand: true as const }),
    ...(scope !== EVERYWHERE && { scope }),
    ...(body.masked_and_hidden && { hidden: true as const }),
    ...(body.description ? { description: body.description } : {}),
  };
};

type Shown = ReturnType<typeof traitsOf> & { key: string };

/** A variable without its value, which nobody is shown again. */
export const variableAnswer = ({ key, protected: isProtected, masked, ...traits }: Shown) => ({
  key,
  variable_type: traits.kind === 'file' ? 'file' : 'env_var',
  protected: isProtected,
  masked,
  hidden: traits.hidden ?? false,
  raw: !traits.expand,
  environment_scope: traits.scope ?? EVERYWHERE,
  ...(traits.description === undefined ? {} : { description: traits.description }),
});
