import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import { DownstreamRequested, type Recorded } from '@foldline/contracts';
import { RequestDownstream } from './triggers/request-downstream.policy.ts';

/** Everything the gateway listens to. */
@Controller()
export class ApiGatewayEvents {
  constructor(@Inject(RequestDownstream) private readonly downstream: RequestDownstream) {}

  @EventPattern<string>(DownstreamRequested.type)
  onDownstreamRequested(@Payload() event: Recorded<ReturnType<typeof DownstreamRequested>>): Promise<void> {
    return this.downstream.request(event);
  }
}
