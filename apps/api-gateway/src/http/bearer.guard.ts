import { createHash, timingSafeEqual } from 'node:crypto';
import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { PORT, Refusal, type Settings } from '@foldline/kernel';
import type { FastifyRequest } from './fastify.ts';

export const PUBLIC = Symbol('public route');
/** The route answers anybody, or checks its caller itself. Every other route demands the token. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

const sha256 = (text: string): Buffer => createHash('sha256').update(text).digest();
const BEARER = /^Bearer +([^\s]{1,512})$/i;

/** Compares tokens by digest, so that neither length nor content shows in the time it takes. */
@Injectable()
export class AdminToken {
  private readonly expected: Buffer;
  constructor(@Inject(PORT.settings) settings: Settings) {
    this.expected = sha256(settings.adminToken);
  }

  matches(token: string | undefined): boolean {
    return timingSafeEqual(sha256(token ?? ''), this.expected) && token !== undefined && token !== '';
  }

  matchesHeader(header: string | undefined): boolean {
    return this.matches(BEARER.exec(header ?? '')?.[1]);
  }
}

/** Denies by default: whoever adds a route and forgets about access gets a closed one. */
@Injectable()
export class BearerGuard implements CanActivate {
  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(AdminToken) private readonly token: AdminToken,
  ) {}

  canActivate(context: ExecutionContext): boolean {
    if (this.reflector.getAllAndOverride<boolean>(PUBLIC, [context.getHandler(), context.getClass()])) return true;
    const { headers } = context.switchToHttp().getRequest<FastifyRequest>();
    if (this.token.matchesHeader(headers.authorization)) return true;
    throw new Refusal('unauthorized', 'this needs Authorization: Bearer with the admin token');
  }
}
