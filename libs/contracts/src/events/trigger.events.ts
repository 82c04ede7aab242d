import { z } from 'zod';
import { defineEvent } from '../event.ts';
import {
  childDefinition,
  count,
  gitRef,
  imageBuild,
  pipelineSource,
  project,
  resume,
  sealedSecret,
  sealedVariable,
  submittedJob,
  text,
  upstream,
  variables,
} from './shared.schemas.ts';

/** Somebody or something wants a pipeline. Self-contained: planning needs no other record of the project. */
export const PipelineRequested = defineEvent(
  'PipelineRequested',
  1,
  z.object({
    pipelineId: text,
    /** 1, 2, 3 … within the project is a matter of the read model; the id is what counts. */
    project,
    ref: gitRef,
    /** Present when the request knew the commit; else the planner resolves `ref`. */
    sha: text.optional(),
    /** Of a push: what the ref pointed to before. */
    before: text.optional(),
    /** Absent in the events of early releases. */
    server: z.object({ version: text, url: text.optional() }).optional(),
    source: pipelineSource,
    variables,
    projectVariables: z.array(sealedVariable),
    secrets: z.array(sealedSecret),
    /** The job that asked for it, where one did. */
    upstream: upstream.optional(),
    /** Of a child pipeline. */
    definition: childDefinition.optional(),
    /** What its definition asks for. */
    inputs: z.record(text, z.unknown()).optional(),
    /** What is built, where it is an image and not what a definition says. */
    build: imageBuild.optional(),
    /** What is done, where it is a submitted job and not what a definition says. */
    submission: submittedJob.optional(),
    /** A commit without a definition is no mistake: its project has more than pipelines. */
    mayLackDefinition: z.literal(true).optional(),
  }),
);

/** A job of this pipeline asked for another one that there cannot be. `code` is that of a refused request. */
export const DownstreamRefused = defineEvent(
  'DownstreamRefused',
  1,
  z.object({
    pipelineId: text,
    jobId: text,
    attempt: z.number().int().min(1),
    downstreamId: text,
    code: text,
    detail: text,
  }),
);

export const PipelineCancelRequested = defineEvent('PipelineCancelRequested', 1, z.object({ pipelineId: text }));

export const JobRetryRequested = defineEvent(
  'JobRetryRequested',
  1,
  z.object({ pipelineId: text, jobId: text, resume: resume.optional() }),
);

/** A person starts a manual job. */
export const JobPlayRequested = defineEvent('JobPlayRequested', 1, z.object({ pipelineId: text, jobId: text }));

/** A signed delivery of a forge, whatever came of it. */
export const WebhookReceived = defineEvent(
  'WebhookReceived',
  1,
  z.object({
    deliveryId: text,
    forge: z.enum(['github']),
    event: text,
    outcome: z.enum(['triggered', 'ignored', 'pong']),
    because: text,
    pipelineIds: z.array(text),
    /** Numbers of the builds among them. */
    builds: z.array(count).optional(),
    bytes: count,
    /** Tells the same delivery that comes again from another one under its id; absent in records of older releases. */
    bodySha256: text.optional(),
  }),
);
