import { randomBytes } from 'node:crypto';
import { Controller, Get, Header, Inject, Param, Res, type Type } from '@nestjs/common';
import { PORT, Refusal, type Settings } from '@foldline/kernel';
import { definitionSchema } from '@foldline/pipeline-language';
import type { FastifyReply } from '../http/fastify.ts';
import { Public } from '../http/bearer.guard.ts';
import { nearMatch } from '../http/near-match.ts';
import { Describe } from './describe.ts';
import { docsPage, docsPolicy } from './docs-page.ts';
import { problemPages, type ProblemPage } from './problem-pages.ts';
import type { Schema } from './validator-schema.ts';

/** The controllers that the API document describes. */
export const CONTROLLERS = Symbol('Controllers');

const SCHEMA_TYPE = 'application/schema+json';

@Controller()
@Public()
export class DocsController {
  private document: Promise<Schema> | undefined;
  private schema: object | undefined;
  private pages: ReadonlyMap<string, ProblemPage> | undefined;

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

  @Get('api/v1/pipeline.schema.json')
  @Header('content-type', SCHEMA_TYPE)
  @Describe('The schema of a definition, for editors', { produces: [SCHEMA_TYPE] })
  definition(): object {
    this.schema ??= definitionSchema();
    return this.schema;
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
    this.pages ??= problemPages();
    const page = this.pages.get(code);
    if (page) return page;
    const codes = [...this.pages.keys()].toSorted();
    const meant = nearMatch(code, codes);
    const hint = meant === undefined ? {} : { hint: `Did you mean ${meant}?` };
    throw new Refusal('not_found', 'there is no problem of this code', { ...hint, codes });
  }
}
