export { ApiGatewayModule } from './api-gateway.module.ts';
export { createGateway } from './create-gateway.ts';
