/** A problem document that the server answered with. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export type Connection = { url: string; token: string };

/** The HTTP API of a running server. */
export class ApiClient {
  constructor(readonly connection: Connection) {}

  get<Answer>(path: string): Promise<Answer> {
    return this.json('GET', path);
  }

  post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return this.json('POST', path, body);
  }

  async text(path: string): Promise<string> {
    return (await this.send('GET', path, { accept: 'text/plain' })).text();
  }

  /** The answer's bytes as they come; fails when it ends early. */
  async bytes(path: string): Promise<AsyncIterable<Uint8Array>> {
    return (await this.send('GET', path, {})).body! as AsyncIterable<Uint8Array>;
  }

  /** Lines of text as they come, until the server ends the answer or the signal aborts. */
  async *lines(path: string, accept: string, signal?: AbortSignal): AsyncGenerator<string> {
    const response = await this.send('GET', path, { accept }, undefined, signal);
    const decoder = new TextDecoder();
    let rest = '';
    for await (const chunk of response.body ?? []) {
      const parts = (rest + decoder.decode(chunk as Uint8Array, { stream: true })).split('\n');
      rest = parts.pop()!;
      yield* parts;
    }
    if (rest) yield rest;
  }

  /** Sends these bytes as they are and answers with whatever the server does; refusals do not throw. */
  raw(
    method: string,
    path: string,
    { headers = {}, body }: { headers?: Readonly<Record<string, string>>; body?: string } = {},
  ): Promise<Response> {
    return fetch(new URL(path, this.connection.url), {
      method,
      headers: { authorization: `Bearer ${this.connection.token}`, ...headers },
      ...(body === undefined ? {} : { body }),
    });
  }

  private async json<Answer>(method: string, path: string, body?: object): Promise<Answer> {
    return (await this.send(method, path, { accept: 'application/json' }, body)).json() as Promise<Answer>;
  }

  private async send(
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: object,
    signal?: AbortSignal,
  ): Promise<Response> {
    const response = await fetch(new URL(path, this.connection.url), {
      method,
      headers: {
        authorization: `Bearer ${this.connection.token}`,
        ...headers,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
      ...(signal ? { signal } : {}),
    });
    if (response.ok) return response;
    const problem = (await response.json().catch(() => ({}))) as { code?: string; detail?: string; title?: string };
    throw new ApiError(
      response.status,
      problem.code ?? 'unknown',
      problem.detail ?? problem.title ?? response.statusText,
    );
  }
}
