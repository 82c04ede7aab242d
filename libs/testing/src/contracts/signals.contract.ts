import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Signals } from '@foldline/kernel';

export type SignalsFixture = {
  signals: Signals;
  /** The signals of another process on the same net; the same ones where there is no other process. */
  elsewhere: Signals;
  close(): Promise<void>;
};

/** What a listener has heard. */
class Heard {
  readonly messages: unknown[] = [];
  private readonly watchers = new Set<() => void>();

  take = (message: unknown): void => {
    this.messages.push(message);
    for (const notice of this.watchers) notice();
  };

  async until(found: (message: unknown) => boolean): Promise<void> {
    while (!this.messages.some(found)) await new Promise<void>((notice) => this.watchers.add(notice));
  }
}

/** What all signals must do; runs against each adapter. */
export const signalsContract = (name: string, open: () => Promise<SignalsFixture>): void =>
  describe(`the signals ${name}`, () => {
    let fixture: SignalsFixture;
    beforeEach(async () => {
      fixture = await open();
    });
    afterEach(() => fixture.close());

    const isProbe = (message: unknown): boolean => message === 'probe';
    /** A listener that is being heard: signals are lost until it is, so it is called until it answers. */
    const listening = async (topic: string, signals = fixture.signals): Promise<{ heard: Heard; stop: () => void }> => {
      const heard = new Heard();
      const stop = signals.listen(topic, heard.take);
      const calling = setInterval(() => void fixture.elsewhere.send(topic, 'probe'), 10);
      await fixture.elsewhere.send(topic, 'probe');
      await heard.until(isProbe);
      clearInterval(calling);
      // What was called before and is still on its way comes before this.
      await fixture.elsewhere.send(topic, 'begin');
      await heard.until((message) => message === 'begin');
      heard.messages.length = 0;
      return { heard, stop };
    };
    const end = async (topic: string, heard: Heard): Promise<unknown[]> => {
      await fixture.elsewhere.send(topic, 'end');
      await heard.until((message) => message === 'end');
      return heard.messages.filter((message) => message !== 'end' && message !== 'begin' && !isProbe(message));
    };

    it('reach whoever listens, as they were sent and in order', async () => {
      const { heard } = await listening('greetings');
      const sent = [1, 'Grüße 🚀', null, { deep: [{ list: [1, 2] }, true] }, []];
      for (const message of sent) await fixture.elsewhere.send('greetings', message);
      expect(await end('greetings', heard)).toEqual(sent);
    });

    it('reach also the process that sends them', async () => {
      const { heard } = await listening('greetings', fixture.elsewhere);
      await fixture.elsewhere.send('greetings', 'me');
      expect(await end('greetings', heard)).toEqual(['me']);
    });

    it('reach every listener of the topic, and of no other', async () => {
      const one = await listening('greetings');
      const two = await listening('greetings', fixture.elsewhere);
      const other = await listening('partings');
      await fixture.elsewhere.send('greetings', 'hello');
      expect(await end('greetings', one.heard)).toEqual(['hello']);
      expect(await end('greetings', two.heard)).toEqual(['hello']);
      expect(await end('partings', other.heard)).toEqual([]);
    });

    it('are heard no more by who has stopped, while others go on', async () => {
      const one = await listening('greetings');
      const two = await listening('greetings');
      one.stop();
      one.stop();
      one.heard.messages.length = 0;
      await fixture.elsewhere.send('greetings', 'hello');
      expect(await end('greetings', two.heard)).toEqual(['hello']);
      expect(one.heard.messages).toEqual([]);
    });

    it('are lost when nobody listens', async () => {
      await fixture.elsewhere.send('greetings', 'too early');
      const { heard } = await listening('greetings');
      expect(await end('greetings', heard)).toEqual([]);
    });

    it('can be listened to again', async () => {
      (await listening('greetings')).stop();
      const { heard } = await listening('greetings');
      await fixture.elsewhere.send('greetings', 'hello');
      expect(await end('greetings', heard)).toEqual(['hello']);
    });
  });
