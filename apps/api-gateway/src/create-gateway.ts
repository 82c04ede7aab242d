import type { Server } from 'node:http';
import { Module, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { PortsModule } from '@foldline/host';
import { Refusal, type OnStored, type Ports } from '@foldline/kernel';
import type { FastifyReply, FastifyRequest } from './http/fastify.ts';
import { ApiGatewayModule } from './api-gateway.module.ts';
import { AdminToken } from './http/bearer.guard.ts';
import { BODY_LIMIT_BYTES, readBodies } from './http/bodies.ts';
import { parseQuery } from './http/query.ts';
import { KnownPaths } from './http/known-paths.ts';
import { answerProblem } from './http/problem.filter.ts';
import { nameRequests } from './http/request-context.ts';
import { watchConnections } from './http/ending-connections.ts';
import { LogSocket } from './logs/log-socket.ts';
import { LogWatch } from './operations/log-watch.ts';
import { WholeReadModels } from './operations/whole-read-models.ts';

const REQUEST_TIMEOUT_MS = 30_000;
const MAX_PARAMETER_LENGTH = 1024;

/** Answers are data, never pages: nothing in them may be run, guessed at, framed or kept. */
const HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** On answers whose documents may be behind a log that cannot be reached now (docs/reliability.md). */
const STALE = { 'x-read-models': 'stale' };

@Module({})
class GatewayRoot {}

const rootOf = (ports: Ports, onStored?: OnStored): DynamicModule => {
  const models = new WholeReadModels(ports.readModels);
  const guarded = { ...ports, readStore: models.guard(ports.readStore) };
  return {
    module: GatewayRoot,
    global: true,
    imports: [PortsModule.forService('api-gateway', guarded, onStored), ApiGatewayModule],
    providers: [{ provide: WholeReadModels, useValue: models }],
    exports: [WholeReadModels],
  };
};

const adapter = (ports: Ports): FastifyAdapter => {
  const token = new AdminToken(ports.settings);
  const made = new FastifyAdapter({
    genReqId: () => ports.ids.next(),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH, querystringParser: parseQuery },
    // Requests that Fastify itself cannot route, such as broken escapes in the path.
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      answerProblem(error, request, reply.headers(HEADERS), ports);
    },
  });
  readBodies(made.getInstance(), ({ headers }) => !token.matchesHeader(headers.authorization));
  nameRequests(made.getInstance());
  const paths = new KnownPaths();
  made.getInstance().addHook('onRoute', (route) => paths.add(route));
  made.getInstance().addHook('onRequest', (request, reply, done) => {
    void reply.headers(HEADERS);
    const allowed = request.is404 ? paths.methodsOf(request.url.split('?')[0]!) : [];
    if (allowed.length === 0) return done();
    void reply.header('allow', allowed.join(', '));
    done(new Refusal('method_not_allowed', `this path does not take ${request.method}`));
  });
  const endConnections = watchConnections(made.getInstance().server as Server);
  made.getInstance().addHook('preClose', (done) => {
    endConnections();
    done();
  });
  return made;
};

/** The gateway on its ports, ready to listen; whoever starts it decides where, and may be told of what it stores. */
export const createGateway = async (ports: Ports, onStored?: OnStored): Promise<{ app: NestFastifyApplication }> => {
  const made = adapter(ports);
  const app = await NestFactory.create<NestFastifyApplication>(rootOf(ports, onStored), made, {
    logger: false,
    bodyParser: false,
    abortOnError: false,
  });
  const log = app.get(LogWatch);
  made.getInstance().addHook('onRequest', (request, reply, done) => {
    if (log.isAway && (request.method === 'GET' || request.method === 'HEAD')) void reply.headers(STALE);
    done();
  });
  app.get(LogSocket).listenOn(app.getHttpServer() as Server);
  return { app };
};
