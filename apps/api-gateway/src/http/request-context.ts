import { parseJobId } from '@foldline/contracts';
import { logAbout, type LogFields } from '@foldline/kernel';
import type { FastifyInstance, FastifyRequest } from './fastify.ts';

/** Routes that are about one pipeline or one job. */
const ABOUT = /\/(pipelines|jobs)\/:id(?:\/|$)/;
const PIPELINE_ID = /^[0-9a-z]{1,64}$/;

type Asked = Pick<FastifyRequest, 'id' | 'params'> & { routeOptions: { url?: string | undefined } };

/** What a request is about, by its route. What does not look like an id is none: anybody can send anything. */
export const idsOfRequest = ({ id: requestId, routeOptions: { url = '' }, params }: Asked): LogFields => {
  const fields = { service: 'api-gateway', requestId };
  const kind = ABOUT.exec(url)?.[1];
  const { id = '' } = (params ?? {}) as { id?: string };
  if (kind === 'pipelines' && PIPELINE_ID.test(id)) return { ...fields, pipelineId: id };
  const job = kind === 'jobs' ? parseJobId(id) : undefined;
  return job ? { ...fields, pipelineId: job.pipelineId, jobId: id } : fields;
};

/**
 * Whatever a handler logs names its request, and what that is about. Begun when the body has been read: that comes by
 * the connection, in a context of its own.
 */
export const nameRequests = (server: FastifyInstance): void => {
  server.addHook('preValidation', (request, _reply, done) => logAbout(idsOfRequest(request), done));
};
