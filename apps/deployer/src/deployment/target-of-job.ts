import type { JobAssigned } from '@foldline/contracts';
import { environmentOfJob } from '@foldline/kernel';

type Assigned = ReturnType<typeof JobAssigned>['data'];

/**
 * Where an assigned job deploys to, with the variables of its definition filled in (S0-54); `undefined` when it does
 * not deploy: also when the job only uses the environment. An address that is not one of the web is left out, because people will follow it as a link.
 */
export const targetOfJob = (assigned: Assigned): { name: string; url?: string } | undefined => {
  const { action = 'start' } = assigned.job.environment ?? {};
  const environment = action === 'start' ? environmentOfJob(assigned) : undefined;
  if (!environment) return undefined;
  const url = webAddress(environment.url ?? '');
  return { name: environment.name, ...(url !== undefined && { url }) };
};

/** The address in its usual form; `undefined` when it is none that a browser should open. */
export const webAddress = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
};
