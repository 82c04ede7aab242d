import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Claims } from '@foldline/kernel';

export type SoleClaimsFixture = { claims: Claims; close(): Promise<void> };

export type ClaimsFixture = {
  claims: Claims;
  /** The claims of another process with the same keeper. */
  rival: Claims;
  close(): Promise<void>;
};

const TTL_MS = 600;

/** Who contends for one name, and what it has heard so far. */
class Contender {
  readonly heard: boolean[] = [];
  private readonly ending = new AbortController();
  private readonly watchers = new Set<() => void>();
  private readonly contending: Promise<void>;

  constructor(claims: Claims, name: string) {
    this.contending = claims.contend({
      name,
      ttlMs: TTL_MS,
      signal: this.ending.signal,
      onChange: (held) => {
        this.heard.push(held);
        for (const notice of this.watchers) notice();
      },
    });
  }

  holds(): boolean {
    return this.heard.at(-1) ?? false;
  }

  /** Resolves when it has heard so many changes. */
  async changed(times: number): Promise<void> {
    while (this.heard.length < times) await new Promise<void>((notice) => this.watchers.add(notice));
  }

  async giveUp(): Promise<void> {
    this.ending.abort();
    await this.contending;
  }
}

type Suite<Fixture> = { fixture: () => Fixture; contend: (claims: Claims, name?: string) => Contender };

const suiteOf = <Fixture extends SoleClaimsFixture>(open: () => Promise<Fixture>): Suite<Fixture> => {
  let fixture: Fixture;
  let contenders: Contender[];
  beforeEach(async () => {
    fixture = await open();
    contenders = [];
  });
  afterEach(async () => {
    await Promise.all(contenders.map((contender) => contender.giveUp()));
    await fixture.close();
  });
  const contend = (claims: Claims, name = 'relay'): Contender => {
    const contender = new Contender(claims, name);
    contenders.push(contender);
    return contender;
  };
  return { fixture: () => fixture, contend };
};

/** What claims must do where nobody else contends; runs against each adapter. */
export const soleClaimsContract = (name: string, open: () => Promise<SoleClaimsFixture>): void =>
  describe(`the claims ${name}`, () => {
    const { fixture, contend } = suiteOf(open);

    it('are held by who contends alone, until it gives up', async () => {
      const one = contend(fixture().claims);
      await one.changed(1);
      expect(one.heard).toEqual([true]);
      await one.giveUp();
      expect(one.heard).toEqual([true, false]);
    });

    it('tell nothing to who gave up before it began', async () => {
      const heard: boolean[] = [];
      const signal = AbortSignal.abort();
      await fixture().claims.contend({ name: 'relay', ttlMs: TTL_MS, signal, onChange: (held) => heard.push(held) });
      expect(heard).toEqual([]);
    });

    it('are held as long as the holder contends, and each change is told once', async () => {
      const one = contend(fixture().claims);
      await one.changed(1);
      await sleep(2 * TTL_MS);
      expect(one.heard).toEqual([true]);
    });

    it('can be had again by who gave up', async () => {
      const one = contend(fixture().claims);
      await one.changed(1);
      await one.giveUp();
      const again = contend(fixture().claims);
      await again.changed(1);
      expect(again.holds()).toBe(true);
    });
  });

/** What every keeper of claims must do for several processes; runs against each adapter that has several. */
export const claimsContract = (name: string, open: () => Promise<ClaimsFixture>): void => {
  soleClaimsContract(name, open);

  describe(`the claims ${name}, contended for by two`, () => {
    const { fixture, contend } = suiteOf(open);

    it('are held by one, and by the other when that one gives up', async () => {
      const pair = [contend(fixture().claims), contend(fixture().rival)];
      await Promise.race(pair.map((one) => one.changed(1)));
      await sleep(2 * TTL_MS);
      expect(pair.filter((one) => one.holds())).toHaveLength(1);
      const [holder, other] = pair[0]!.holds() ? pair : pair.toReversed();
      expect(other!.heard).toEqual([]);
      await holder!.giveUp();
      await other!.changed(1);
      expect([holder!.heard, other!.heard]).toEqual([[true, false], [true]]);
    });

    it('are held name by name', async () => {
      const relay = contend(fixture().claims, 'relay');
      await relay.changed(1);
      const projector = contend(fixture().rival, 'projector');
      await projector.changed(1);
      expect([relay.holds(), projector.holds()]).toEqual([true, true]);
    });
  });
};
