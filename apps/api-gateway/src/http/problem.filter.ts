import { Catch, HttpException, Inject, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { PORT, Refusal, TransientError, type Clock, type Logger } from '@foldline/kernel';
import { Rebuilding } from '../operations/whole-read-models.ts';
import type { FastifyReply, FastifyRequest } from './fastify.ts';
import { problemKind, problemType } from './problem-codes.ts';
import { hearOut, isUnread } from './unread-bodies.ts';

export const PROBLEM_JSON = 'application/problem+json; charset=utf-8';
/** Unless the refusal knows better. */
const RETRY_AFTER_SECONDS = 1;

/** Codes of Fastify itself, for requests that no handler saw. */
const OF_FASTIFY: Readonly<Record<string, string>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'invalid_request',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'malformed_json',
  FST_ERR_CTP_INVALID_JSON_BODY: 'malformed_json',
  FST_ERR_BAD_URL: 'malformed_path',
  FST_ERR_MAX_PARAM_LENGTH: 'uri_too_long',
};
const OF_STATUS: Readonly<Record<number, string>> = {
  400: 'invalid_request',
  401: 'unauthorized',
  404: 'not_found',
  405: 'method_not_allowed',
  413: 'payload_too_large',
  414: 'uri_too_long',
  415: 'unsupported_media_type',
};

/** An RFC 9457 document. `code` is what programs compare; `detail` is for people. */
export type ProblemAnswer = {
  type: string;
  title: string;
  status: number;
  code: string;
  detail: string;
  fix: string;
  instance: string;
} & Record<string, unknown>;

/** A mistake of the client stays one, also when its kind has no code of its own. */
const ofStatus = (status: number): string =>
  OF_STATUS[status] ?? (status >= 400 && status < 500 ? 'invalid_request' : 'internal');

const codeOf = (error: unknown): string => {
  if (error instanceof Refusal) return problemKind(error.code) ? error.code : 'invalid_request';
  if (error instanceof Rebuilding) return 'rebuilding';
  if (error instanceof TransientError) return 'unavailable';
  if (error instanceof HttpException) return ofStatus(error.getStatus());
  const { code, statusCode } = (error ?? {}) as { code?: unknown; statusCode?: unknown };
  if (typeof code === 'string' && Object.hasOwn(OF_FASTIFY, code)) return OF_FASTIFY[code]!;
  return typeof statusCode === 'number' ? ofStatus(statusCode) : 'internal';
};

/** A refusal that names one field says so as those do that name several. */
const fieldsOf = ({ fields, message }: Refusal): Readonly<Record<string, unknown>> => {
  const { pointer, ...rest } = fields;
  return typeof pointer === 'string' ? { ...rest, errors: [{ pointer, message }] } : fields;
};

/** What went wrong as a document. What the client did not cause says nothing about the inside. */
export const problemOf = (error: unknown, instance: string): ProblemAnswer => {
  const code = codeOf(error);
  const { status, title, fix } = problemKind(code)!;
  const told = error instanceof Refusal || error instanceof TransientError;
  return {
    ...(error instanceof Refusal ? fieldsOf(error) : {}),
    type: problemType(code),
    title,
    status,
    code,
    detail: told ? error.message : title,
    fix,
    instance,
  };
};

/** Tells the log about every answer that is not the client's doing, under the request's id that the answer carries. */
export const logProblem = (logger: Logger, problem: ProblemAnswer, error: unknown, about: object): void => {
  if (problem.status < 500) return;
  const fields = { ...about, url: problem.instance, status: problem.status, err: error };
  if (problem.status === 503) logger.warn(fields, problem.title);
  else logger.error(fields, problem.title);
};

/** Answers with the problem that the error is. */
export const answerProblem = (
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { logger, clock }: { logger: Logger; clock: Clock },
): void => {
  const problem = problemOf(error, request.url.split('?')[0]!);
  logProblem(logger, problem, error, { requestId: request.id, method: request.method });
  if (reply.sent || reply.raw.headersSent) {
    reply.raw.destroy();
    return;
  }
  if (isUnread(request.raw)) {
    reply.removeHeader('connection');
    void hearOut(request.raw, clock);
  }
  const { status, retryAfterSeconds = RETRY_AFTER_SECONDS } = problem;
  if (status === 503 || status === 429) void reply.header('retry-after', String(retryAfterSeconds));
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  const answer = problem.status >= 500 ? { ...problem, requestId: request.id } : problem;
  void reply.status(problem.status).type(PROBLEM_JSON).send(JSON.stringify(answer));
};

/** The one place where errors become answers. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(
    @Inject(PORT.logger) readonly logger: Logger,
    @Inject(PORT.clock) readonly clock: Clock,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    answerProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this);
  }
}
