import { RequestMethod, type Type } from '@nestjs/common';
import { PUBLIC } from '../http/bearer.guard.ts';
import { isOptionalBody } from '../http/validation.pipe.ts';
import { PROBLEMS } from '../http/problem-codes.ts';
import { DESCRIPTION, type Description } from './describe.ts';
import { fieldsOf, objectSchema, type Schema } from './validator-schema.ts';

/** Names under which Nest keeps what its decorators were told. */
const PATH = 'path';
const METHOD = 'method';
const HTTP_CODE = '__httpCode__';
const ROUTE_ARGUMENTS = '__routeArguments__';
const BODY = '3';
const QUERY = '4';
/** What the document calls the rest of a path. */
const WILDCARD = 'path';

export type Route = {
  method: string;
  path: string;
  isPublic: boolean;
  status: number;
  description: Description | undefined;
  body?: new () => object;
  query?: new () => object;
};

const joined = (...parts: readonly string[]): string =>
  `/${parts
    .flatMap((part) => part.split('/'))
    .filter(Boolean)
    .join('/')}`;

const argument = (controller: Type, handler: string, kind: string): (new () => object) | undefined => {
  const given = (Reflect.getMetadata(ROUTE_ARGUMENTS, controller, handler) ?? {}) as Record<string, { index: number }>;
  const found = Object.entries(given).find(([key]) => key.startsWith(`${kind}:`));
  const types = Reflect.getMetadata(
    'design:paramtypes',
    controller.prototype as object,
    handler,
  ) as (new () => object)[];
  return found ? types[found[1].index] : undefined;
};

const routeOf = (controller: Type, name: string): Route | undefined => {
  const handler = (controller.prototype as Record<string, unknown>)[name] as object;
  const path = Reflect.getMetadata(PATH, handler) as string | undefined;
  if (path === undefined) return undefined;
  const method = RequestMethod[Reflect.getMetadata(METHOD, handler) as number]!;
  const body = argument(controller, name, BODY);
  const query = argument(controller, name, QUERY);
  return {
    method,
    path: joined(Reflect.getMetadata(PATH, controller) as string, path),
    isPublic: Boolean(Reflect.getMetadata(PUBLIC, handler) ?? Reflect.getMetadata(PUBLIC, controller)),
    status: (Reflect.getMetadata(HTTP_CODE, handler) as number | undefined) ?? (method === 'POST' ? 201 : 200),
    description: Reflect.getMetadata(DESCRIPTION, handler) as Description | undefined,
    ...(body ? { body } : {}),
    ...(query ? { query } : {}),
  };
};

/** Every route that the controllers declare. */
export const routesOf = (controllers: readonly Type[]): Route[] =>
  controllers.flatMap((controller) =>
    Object.getOwnPropertyNames(controller.prototype as object).flatMap((name) => {
      const route = name === 'constructor' ? undefined : routeOf(controller, name);
      return route ? [route] : [];
    }),
  );

const PROBLEM_CONTENT = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };

const problemResponses = ({ isPublic, body, path, query, description }: Route): Record<string, Schema> => {
  const codes = [
    'internal',
    ...(isPublic ? [] : ['unauthorized']),
    ...(path.includes(':') ? ['not_found'] : []),
    ...(body || query ? ['invalid_request'] : []),
    ...(body ? ['malformed_json', 'payload_too_large', 'unsupported_media_type'] : []),
    ...(description?.idempotent ? ['idempotency_key_reused'] : []),
    ...(description?.problems ?? []),
  ];
  const byStatus = new Map<number, string[]>();
  for (const code of new Set(codes)) {
    const { status } = PROBLEMS[code]!;
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      String(status),
      { description: `Problem: ${of.join(', ')}`, content: PROBLEM_CONTENT },
    ]),
  );
};

const parametersOf = ({ path, query, description }: Route): Schema[] => [
  ...[...path.matchAll(/:(\w+)|\*/g)].map(([, name]) => ({
    name: name ?? WILDCARD,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  })),
  ...(query ? fieldsOf(query) : []).map(({ name, required, schema }) => ({
    name,
    in: 'query',
    required,
    schema,
    // A map is written `name[key]=value`.
    ...(schema['type'] === 'object' ? { style: 'deepObject', explode: true } : {}),
  })),
  ...(description?.idempotent
    ? [{ name: 'Idempotency-Key', in: 'header', required: false, schema: { type: 'string', maxLength: 255 } }]
    : []),
];

const operationOf = (route: Route): Schema => {
  const { description, status, body, isPublic, path } = route;
  const produces = description?.produces ?? ['application/json'];
  const content = Object.fromEntries(produces.map((type) => [type, { schema: {} }]));
  const success = {
    description: description?.answer ?? description?.summary ?? '',
    ...(status === 204 ? {} : { content }),
  };
  return {
    summary: description?.summary ?? '',
    tags: [path.split('/').find((part) => part && !part.startsWith(':') && part !== 'api' && part !== 'v1') ?? 'api'],
    security: isPublic ? [] : [{ bearer: [] }],
    parameters: parametersOf(route),
    ...(body
      ? {
          requestBody: {
            required: !isOptionalBody(body),
            content: { 'application/json': { schema: objectSchema(body) } },
          },
        }
      : {}),
    responses: { [String(status)]: success, ...problemResponses(route) },
  };
};

const PROBLEM_SCHEMA = {
  type: 'object',
  description: 'RFC 9457; programs compare code',
  required: ['type', 'title', 'status', 'code', 'detail', 'instance'],
  properties: {
    ...Object.fromEntries(
      ['type', 'title', 'detail', 'instance', 'fix', 'requestId'].map((name) => [name, { type: 'string' }]),
    ),
    status: { type: 'integer' },
    code: { enum: Object.keys(PROBLEMS) },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { pointer: { type: 'string' }, message: { type: 'string' } } },
    },
  },
};

/** The OpenAPI 3.1 document, made from what the controllers declare: it cannot say what the server does not do. */
export const openApiDocument = (controllers: readonly Type[], version: string): Schema => {
  const paths: Record<string, Record<string, Schema>> = {};
  for (const route of routesOf(controllers)) {
    const path = route.path.replaceAll(/:(\w+)|\*/g, (_all, name?: string) => `{${name ?? WILDCARD}}`);
    (paths[path] ??= {})[route.method.toLowerCase()] = operationOf(route);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Foldline', version, description: 'Logs are also at the WebSocket /ws/jobs/{id}/logs.' },
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      schemas: { Problem: PROBLEM_SCHEMA },
    },
  };
};
