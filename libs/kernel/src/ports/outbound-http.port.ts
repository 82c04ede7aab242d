/** What a receiver answered, or why it did not; in words that name no part of the address. */
export type PostAnswer = { status: number } | { error: string };

/**
 * HTTP to addresses that users wrote. It goes to hosts on the open Internet only, unless the operator allows others: a
 * name is looked up once, each of its addresses is checked, and the connection is to one of them. Redirects are not
 * followed. An address that is refused is a `Refusal` of code `invalid_target` or `private_target`; a name that cannot
 * be looked up now is a `TransientError`. No message repeats the address, which may be a secret.
 */
export interface OutboundHttp {
  /** Posts JSON. No answer is an answer too. */
  post(
    address: string,
    message: { body: string; headers: Readonly<Record<string, string>>; deadlineMs: number },
  ): Promise<PostAnswer>;
  /** Whatever is answered. A `Refusal` of code `answer_too_large`; a `TransientError` where there is no whole answer. */
  get(
    address: string,
    limits: { mostBytes: number; deadlineMs: number },
  ): Promise<{ status: number; body: Uint8Array }>;
}
