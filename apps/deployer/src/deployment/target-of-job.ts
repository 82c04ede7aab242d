import { expandVariables, slugOf, type JobAssigned } from '@foldline/contracts';

type Assigned = ReturnType<typeof JobAssigned>['data'];
const SHORT_SHA = 8;
const NAME_LENGTH = 255;

/**
 * Where an assigned job deploys to, with the variables of its definition filled in (S0-54); `undefined` when it does
 * not deploy. An address that is not one of the web is left out, because people will follow it as a link.
 */
export const targetOfJob = ({
  job,
  context,
  pipelineVariables,
}: Assigned): { name: string; url?: string } | undefined => {
  if (!job.environment) return undefined;
  const { ref, sha } = context;
  const variables = {
    ...pipelineVariables,
    ...job.variables,
    ...context.variables,
    CI_COMMIT_REF_NAME: ref.name,
    CI_COMMIT_REF_SLUG: slugOf(ref.name),
    CI_COMMIT_SHA: sha,
    CI_COMMIT_SHORT_SHA: sha.slice(0, SHORT_SHA),
  };
  // A name that is made of unknown variables alone would be empty; it then stands as it was written.
  const name = expandVariables(job.environment.name, variables).trim() || job.environment.name;
  const url = webAddress(expandVariables(job.environment.url ?? '', variables));
  return { name: name.slice(0, NAME_LENGTH), ...(url !== undefined && { url }) };
};

const webAddress = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const { protocol, href } = new URL(text);
  return protocol === 'https:' || protocol === 'http:' ? href : undefined;
};
