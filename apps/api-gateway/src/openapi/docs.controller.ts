import { randomBytes } from 'node:crypto';
import { Controller, Get, Inject, Param, Res, type Type } from '@nestjs/common';
import { PORT, Refusal, type Settings } from '@foldline/kernel';
import type { FastifyReply } from '../http/fastify.ts';
import { Public } from '../http/bearer.guard.ts';
import { problemKind } from '../http/problem-codes.ts';
import { Describe } from './describe.ts';
import { docsPage, docsPolicy } from './docs-page.ts';
import type { Schema } from './validator-schema.ts';

/** The controllers that the API document describes. */
export const CONTROLLERS = Symbol('Controllers');

@Controller()
@Public()
export class DocsController {
  private document: Promise<Schema> | undefined;

  constructor(
    @Inject(PORT.settings) private readonly settings: Settings,
    @Inject(CONTROLLERS) private readonly controllers: () => readonly Type[],
  ) {}

  @Get('api/openapi.json')
  @Describe('The API as an OpenAPI 3.1 document')
  openapi(): Promise<Schema> {
    // Made when somebody first asks: starting the server need not pay for it.
    this.document ??= import('./openapi-document.ts').then(({ openApiDocument }) =>
      openApiDocument(this.controllers(), this.settings.version),
    );
    return this.document;
  }

  @Get('api/docs')
  @Describe('The API as a page', { produces: ['text/html'] })
  page(@Res() reply: FastifyReply): void {
    const nonce = randomBytes(16).toString('base64');
    void reply
      .header('content-security-policy', docsPolicy(nonce))
      .type('text/html; charset=utf-8')
      .send(docsPage(nonce));
  }

  @Get('docs/problems/:code')
  @Describe('What a problem means and how to mend it: the page that `type` of a problem names')
  problem(@Param('code') code: string) {
    const kind = problemKind(code);
    if (!kind) throw new Refusal('not_found', 'there is no such problem');
    return { code, ...kind };
  }
}
