import { Module } from '@nestjs/common';
import { ApiGatewayEvents } from './api-gateway.events.ts';
import { ReadYourWrites } from './http/read-your-writes.ts';
import { ProjectQueries } from './projects/project.queries.ts';
import { PipelineRequests } from './triggers/pipeline-requests.ts';
import { RequestDownstream } from './triggers/request-downstream.policy.ts';

/** The part of the gateway that is behind the bus: pipelines that jobs ask for, not people. */
@Module({
  controllers: [ApiGatewayEvents],
  providers: [ReadYourWrites, ProjectQueries, PipelineRequests, RequestDownstream],
})
export class ApiGatewayEventsModule {}
