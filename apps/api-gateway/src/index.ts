export { ApiGatewayEventsModule } from './api-gateway-events.module.ts';
export { ApiGatewayModule } from './api-gateway.module.ts';
export { createGateway } from './create-gateway.ts';
