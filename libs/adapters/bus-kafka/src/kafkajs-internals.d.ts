/** What we use of the client's inside; it is typed nowhere else. */
declare module 'kafkajs/src/network/requestQueue/index.js' {
  type Request = { entry: { correlationId: number }; expectResponse: boolean; sendRequest: () => void };
  class RequestQueue {
    constructor(options: object);
    readonly pending: readonly unknown[];
    push(request: Request): void;
    fulfillRequest(response: { correlationId: number; payload: Buffer; size: number }): void;
    maybeThrottle(ms: number): void;
    scheduleCheckPendingRequests(): void;
    destroy(): void;
  }
  export default RequestQueue;
}

declare module 'kafkajs/src/protocol/error.js' {
  const protocol: { readonly errorCodes: readonly { type: string; code: number; message: string }[] };
  export default protocol;
}
