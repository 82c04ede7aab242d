import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ServiceContainer, ServiceDriver } from '@foldline/kernel';

export type ServiceDriverFixture = {
  driver: ServiceDriver;
  /** The same services as a later process sees them. */
  reopen(): ServiceDriver;
  network: string;
  /** An image that says `$GREETING`, goes on, and ends with exit code 3 when it is told to. */
  image: string;
  close(): Promise<void>;
};

/** What everything must do that runs containers of services. */
export const serviceDriverContract = (name: string, open: () => Promise<ServiceDriverFixture>): void =>
  describe(`the driver of services ${name}`, () => {
    let fixture: ServiceDriverFixture;
    let driver: ServiceDriver;
    const started = new Set<string>();
    let made = 0;

    beforeEach(async () => {
      fixture = await open();
      driver = fixture.driver;
      made += 1;
    });
    afterEach(async () => {
      for (const deploymentId of started) await driver.remove(deploymentId);
      started.clear();
      await fixture.close();
    });

    const start = (name: string, more: Partial<ServiceContainer> = {}) => {
      const deploymentId = `spec${made}${name}`;
      started.add(deploymentId);
      const { network, image } = fixture;
      const own = { deploymentId, serviceId: `shop${made}`, network, alias: 'shop', image, environment: {} };
      return driver.start({ ...own, ...more });
    };

    it('starts the container of a deployment once, however often it is asked', async () => {
      const { deploymentId } = await start('a');
      await start('a');
      expect(await fixture.reopen().deploymentsOf(`shop${made}`)).toEqual([deploymentId]);
    });

    it('tells where a container answers, what it says, and how it ended', async () => {
      const { deploymentId, ...standing } = await start('a', { environment: { GREETING: 'it serves' } });
      expect(standing).toEqual({ state: 'running', restarts: 0, address: expect.stringMatching(/^\d+(?:\.\d+){3}$/) });
      await driver.stop(deploymentId, 5000);
      expect(await driver.lastOutput(deploymentId)).toBe('it serves\n');
      expect(await driver.standing(deploymentId)).toEqual({ deploymentId, state: 'stopped', restarts: 0, exitCode: 3 });
    });

    it('keeps a container that was stopped, and starts it again', async () => {
      const { deploymentId } = await start('a');
      await driver.stop(deploymentId, 5000);
      await driver.stop(deploymentId, 5000);
      expect((await driver.standing(deploymentId))?.state).toBe('stopped');
      expect(await start('a')).toMatchObject({ deploymentId, state: 'running' });
    });

    it('knows the deployments of each service, and nothing of what was removed', async () => {
      const { deploymentId } = await start('a');
      await start('b', { serviceId: `other${made}` });
      expect(await driver.deploymentsOf(`shop${made}`)).toEqual([deploymentId]);
      await driver.remove(deploymentId);
      await driver.remove(deploymentId);
      expect(await driver.deploymentsOf(`shop${made}`)).toEqual([]);
      expect(await driver.standing(deploymentId)).toBeUndefined();
      expect(await driver.lastOutput(deploymentId)).toBe('');
    });

    it('says that the image is not there', () =>
      expect(start('a', { image: 'foldline-test/nothing:1' })).rejects.toMatchObject({ code: 'image_not_found' }));
  });
