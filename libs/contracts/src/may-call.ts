import type { ProjectRef } from './plan.ts';

/** Whether a project may start pipelines of another and include its files; `owner/*` among its callers is each of that owner. */
export const mayCall = (
  callers: readonly string[] | undefined,
  { owner, name }: Pick<ProjectRef, 'owner' | 'name'>,
): boolean => {
  const named = [`${owner}/${name}`, `${owner}/*`].map((each) => each.toLowerCase());
  return callers?.some((caller) => named.includes(caller.toLowerCase())) ?? false;
};
