export { ApiGatewayModule } from './api-gateway.module.ts';
export { createGateway } from './create-gateway.ts';
export { READ_MODELS } from './read-models/read-models.ts';
