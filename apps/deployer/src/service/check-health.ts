import { get } from 'node:http';
import { connect } from 'node:net';
import type { HealthCheck } from '@foldline/contracts';
import { ServiceFailure, type Clock, type ServiceDriver } from '@foldline/kernel';

const EVERY_MS = 200;
const ANSWER_MS = 5_000;
/** What has no port is healthy when it has kept running for so long. */
const STEADY_MS = 1_000;

type Tools = { driver: ServiceDriver; clock: Clock; signal: AbortSignal };

/**
 * Resolves when the container of a deployment is fit to take over. Throws a `ServiceFailure`: it has ended, with the end
 * of what it wrote, or it was not healthy in time, with what it answered last.
 */
export const checkHealth = async (deploymentId: string, check: HealthCheck, tools: Tools): Promise<void> => {
  const { driver, clock, signal } = tools;
  const began = clock.monotonic();
  for (let last = 'it did not answer'; ;) {
    const standing = await driver.standing(deploymentId);
    // One that is started again and again has ended, whatever it is doing now.
    if (standing?.state !== 'running' || standing.restarts > 0)
      throw await endedEarly(deploymentId, standing?.exitCode, driver);
    const passedMs = clock.monotonic() - began;
    if (check.port === undefined) {
      if (passedMs >= STEADY_MS) return;
    } else {
      const trouble = await troubleOf(standing.address ?? '', check.port, check.path);
      if (trouble === undefined) return;
      last = trouble;
      if (passedMs >= check.timeoutSeconds * 1000) throw unhealthy(check, last);
    }
    await clock.sleep(EVERY_MS, signal);
    signal.throwIfAborted();
  }
};

const endedEarly = async (deploymentId: string, exitCode: number | undefined, driver: ServiceDriver) => {
  const output = (await driver.lastOutput(deploymentId)).trimEnd();
  const said = output === '' ? 'it wrote nothing' : `it wrote: ${output.slice(-2000)}`;
  return new ServiceFailure('container_ended', `the container ended with exit code ${exitCode ?? 'unknown'}; ${said}`);
};

const unhealthy = ({ path, port, timeoutSeconds }: HealthCheck, last: string): ServiceFailure =>
  new ServiceFailure(
    'health_check_failed',
    `port ${port}${path ?? ''} was not healthy within ${timeoutSeconds} s: ${last}`,
  );

/** What is wrong with the port now; nothing when it answers as it should. */
const troubleOf = (host: string, port: number, path: string | undefined): Promise<string | undefined> =>
  path === undefined ? connectionTrouble(host, port) : answerTrouble(host, port, path);

const connectionTrouble = (host: string, port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_MS });
    const settle = (trouble: string | undefined): void => {
      socket.destroy();
      resolve(trouble);
    };
    socket.once('connect', () => settle(undefined));
    socket.once('timeout', () => settle('it did not answer'));
    socket.once('error', ({ message }) => settle(message));
  });

const answerTrouble = (host: string, port: number, path: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const asked = get({ host, port, path, timeout: ANSWER_MS, agent: false }, (answer) => {
      const { statusCode = 0 } = answer;
      answer.destroy();
      resolve(statusCode >= 200 && statusCode < 400 ? undefined : `it answered ${statusCode}`);
    });
    asked.once('timeout', () => asked.destroy(new Error('it did not answer')));
    asked.once('error', ({ message }) => resolve(message));
  });
