import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';

/** The program that `withPrograms` asks for. */
export const BROWSER = 'chromium';
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--remote-debugging-port=0'];
const LISTENING = /^DevTools listening on (ws:\/\/\S+)$/;

type Answer = { id?: number; method?: string; params?: Record<string, unknown>; result?: unknown; error?: object };
type Waiting = { resolve: (result: never) => void; reject: (error: Error) => void };

/** A real browser without a window and with one page, spoken to by its debugging protocol. */
export class Browser {
  private asked = 0;
  private readonly waiting = new Map<number, Waiting>();
  private session: string | undefined;
  /** What the page could not do: errors of scripts, and what its policy forbade. */
  readonly troubles: string[] = [];
  /** Addresses that the page has asked for. */
  readonly requests: string[] = [];

  private constructor(
    private readonly program: ChildProcess,
    private readonly profile: string,
    private readonly socket: WebSocket,
  ) {
    socket.on('message', (data: Buffer) => this.hear(JSON.parse(data.toString('utf8')) as Answer));
  }

  static async start(): Promise<Browser> {
    const profile = mkdtempSync(join(tmpdir(), 'foldline-browser-'));
    const program = spawn(BROWSER, [...FLAGS, `--user-data-dir=${profile}`, 'about:blank'], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    for await (const line of createInterface({ input: program.stderr! })) {
      const [, address] = LISTENING.exec(line) ?? [];
      if (address === undefined) continue;
      const socket = new WebSocket(address);
      await once(socket, 'open');
      const browser = new Browser(program, profile, socket);
      program.stderr!.resume();
      await browser.openPage();
      return browser;
    }
    throw new Error('the browser ended before it listened');
  }

  async goTo(url: string): Promise<void> {
    await this.call('Page.navigate', { url });
  }

  /** What the expression comes to in the page. */
  async evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails } = await this.call<{
      result: { value: Value };
      exceptionDetails?: { text: string };
    }>('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(`${exceptionDetails.text}: ${expression}`);
    return result.value;
  }

  async stop(): Promise<void> {
    const gone = once(this.program, 'exit');
    // Ended by itself it waits for its processes, which write into the profile to the last.
    this.session = undefined;
    this.call('Browser.close').catch(() => undefined);
    await gone;
    this.socket.terminate();
    rmSync(this.profile, { recursive: true, force: true, maxRetries: 20 });
  }

  private async openPage(): Promise<void> {
    const { targetId } = await this.call<{ targetId: string }>('Target.createTarget', { url: 'about:blank' });
    const wanted = { targetId, flatten: true };
    this.session = (await this.call<{ sessionId: string }>('Target.attachToTarget', wanted)).sessionId;
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.call(`${domain}.enable`);
  }

  private call<Result>(method: string, params: object = {}): Promise<Result> {
    const id = (this.asked += 1);
    const about = this.session === undefined ? {} : { sessionId: this.session };
    this.socket.send(JSON.stringify({ id, method, params, ...about }));
    return new Promise<Result>((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  private hear({ id, method, params = {}, result, error }: Answer): void {
    const waiting = id === undefined ? undefined : this.waiting.get(id);
    if (error) waiting?.reject(new Error(JSON.stringify(error)));
    else waiting?.resolve(result as never);
    this.waiting.delete(id ?? 0);
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      this.troubles.push(JSON.stringify(params['exceptionDetails'] ?? params['entry']));
    if (method === 'Network.requestWillBeSent')
      this.requests.push((params['request'] as { url: string; urlFragment?: string }).url);
  }
}
