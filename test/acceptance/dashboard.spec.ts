import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PROJECT, Sandbox, START_MS, until } from '@foldline/client';
import { withPrograms } from '@foldline/testing';
import { Browser, BROWSER } from './browser.ts';

type Figures = Record<string, unknown> & { totalJobs: number };

withPrograms([BROWSER], () => {
  let sandbox: Sandbox;
  let browser: Browser;

  beforeAll(async () => {
    [sandbox, browser] = await Promise.all([Sandbox.start(), Browser.start()]);
  }, START_MS);
  afterAll(() => Promise.all([sandbox?.stop(), browser?.stop()]), START_MS);

  const figures = (range: string): Promise<Figures> => sandbox.client.get(`/metrics?range=${range}`);
  const part = (of: unknown, path: string): unknown =>
    path.split('.').reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], of);
  /** What the page shows, by the names that the API gives it. */
  const shown = (): Promise<Record<string, string>> =>
    browser.evaluate(
      `Object.fromEntries([...document.querySelectorAll('[data-figure]')].map((data) => [data.dataset.figure, data.value]))`,
    );
  const text = (selector: string): Promise<string> =>
    browser.evaluate(`document.querySelector(${JSON.stringify(selector)}).textContent`);
  const enter = (token: string): Promise<void> =>
    browser.evaluate(
      `{ document.querySelector('#token').value = ${JSON.stringify(token)}; document.querySelector('#entry').requestSubmit(); }`,
    );
  const untilShown = (name: string, value: string): Promise<Record<string, string>> =>
    until(`the page to show ${name} ${value}`, async () => {
      const found = await shown();
      return found[name] === value && found;
    });

  describe('S1-47 the dashboard', () => {
    it('asks for the token, and shows nothing to who has another one', async () => {
      await sandbox.run('good:\n  script: echo good\nbad:\n  script: exit 3\n');
      await browser.goTo(`${sandbox.client.connection.url}/dashboard`);
      await until('the page to ask', () =>
        browser.evaluate<boolean>(`document.querySelector('#entry')?.hidden === false`),
      );
      await enter('another-token');
      await until('a refusal', async () => (await text('#state')).includes('not the one'));
      expect(await browser.evaluate(`document.querySelector('#figures').hidden`)).toBe(true);
      browser.troubles.length = 0;
    });

    it('shows the figures of the API, each as it is there', async () => {
      await enter(sandbox.client.connection.token);
      const page = await untilShown('totalJobs', '2');
      const api = await figures('day');
      expect(page).toEqual(Object.fromEntries(Object.keys(page).map((name) => [name, String(part(api, name) ?? '')])));
      expect(Object.keys(page).length).toBe(8);
      expect(api).toMatchObject({ totalJobs: 2, successRate: 50 });
      expect(await text('[data-figure="successRate"]')).toBe('50.0 %');
      expect(await text('#projects td')).toBe(PROJECT);
    });

    it('shows what happens while somebody looks, and another range when it is chosen', async () => {
      await sandbox.run('good:\n  script: echo good\n');
      await untilShown('totalJobs', '3');
      await browser.evaluate(
        `{ const range = document.querySelector('#range'); range.value = 'month'; range.dispatchEvent(new Event('change')); }`,
      );
      await until('the month', () =>
        browser.evaluate<boolean>(`document.querySelector('#figures').dataset.range === 'month'`),
      );
      expect(await shown()).toMatchObject({ totalJobs: '3', successRate: '66.7' });
      expect(await browser.evaluate(`document.querySelectorAll('#chart rect').length`)).toBeGreaterThan(0);
    });

    it('shows the alerts that go on', async () => {
      expect(await text('#alerts')).toBe('No rule holds.');
      for (let time = 0; time < 3; time += 1) await sandbox.run("bad:\n  script: 'false'\n");
      await until('the alert', async () => (await text('#alerts')).startsWith(`${PROJECT}: consecutive failures 3`));
    });

    it('says when more alerts go on than it shows', async () => {
      // As many as a page holds would take pipelines of dozens of projects.
      await browser.evaluate(`{
        const ask = window.fetch;
        window.fetch = async (path, options) => {
          const answer = await ask(path, options);
          if (!path.startsWith('/api/v1/alerts')) return answer;
          return new Response(JSON.stringify({ ...(await answer.json()), nextCursor: 'next' }));
        };
        document.querySelector('#range').dispatchEvent(new Event('change'));
      }`);
      await until(
        'the note',
        async () => (await text('#alerts li:last-child')) === 'More alerts go on than are shown.',
      );
    });

    it('keeps the token in the tab, and out of every address', async () => {
      const { token, url } = sandbox.client.connection;
      await browser.goTo(`${url}/dashboard`);
      await untilShown('totalJobs', '6');
      expect(browser.requests.length).toBeGreaterThan(3);
      expect(browser.requests.filter((address) => address.includes(token))).toEqual([]);
      expect(browser.requests.every((address) => address.startsWith(url) || address === 'about:blank')).toBe(true);
      expect(await browser.evaluate(`localStorage.length + document.cookie.length`)).toBe(0);
    });

    it('does nothing that its own policy forbids', () => expect(browser.troubles).toEqual([]));
  });
});
