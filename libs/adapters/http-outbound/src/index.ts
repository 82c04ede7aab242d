export { createOutboundHttp } from './outbound-http.ts';
