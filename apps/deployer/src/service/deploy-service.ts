import { Inject, Injectable } from '@nestjs/common';
import {
  deploymentStream,
  expandVariables,
  variableSeal,
  type SealedVariable,
  type WantedDeployment,
} from '@foldline/contracts';
import {
  COMMANDS,
  PORT,
  ImageFailure,
  PermanentError,
  REGISTRY_LOGINS,
  Refusal,
  ServiceFailure,
  loginsIn,
  type Cause,
  type Clock,
  type Commands,
  type Handled,
  type Images,
  type SecretBox,
  type ServiceDriver,
} from '@foldline/kernel';
import { checkHealth } from './check-health.ts';
import { findImage } from './find-image.ts';
import { PublishedServices } from './published-services.ts';
import {
  CANCELLED,
  serviceDeploymentDecider,
  type Phase,
  type ServiceDeploymentCommand,
  type ServiceDeploymentState,
} from './service-deployment.decider.ts';

const LIMIT_MS = 60 * 60_000;
/** How long what ran before may go on with what it had begun. */
const DRAIN_MS = 10_000;
const LOOK_MS = 100;
/** And then to end by itself. */
const GRACE_MS = 10_000;
/** Besides what runs, so that a rollback finds its image here. */
const KEPT = 1;

/** Carries out one deployment of a service; what is done already is not done again. */
@Injectable()
export class DeployService {
  private readonly underWay = new Map<string, AbortController>();

  constructor(
    @Inject(COMMANDS) private readonly commands: Commands,
    @Inject(PORT.images) private readonly images: Images,
    @Inject(PORT.serviceDriver) private readonly driver: ServiceDriver,
    @Inject(PORT.secretBox) private readonly box: SecretBox,
    @Inject(PORT.clock) private readonly clock: Clock,
    @Inject(PublishedServices) private readonly published: PublishedServices,
  ) {}

  /** To the end, whichever that is. Throws what is nobody's fault, and may be called again then. */
  async carryOut(deploymentId: string, signal: AbortSignal): Promise<void> {
    const cancelled = new AbortController();
    this.underWay.set(deploymentId, cancelled);
    try {
      await this.carryOutUnless(cancelled.signal, deploymentId, signal);
    } finally {
      this.underWay.delete(deploymentId);
    }
  }

  /** What is recorded as cancelled does not go on; this only ends what it waits for. */
  hurry(deploymentId: string): void {
    this.underWay.get(deploymentId)?.abort(wasCancelled());
  }

  private async carryOutUnless(cancelled: AbortSignal, deploymentId: string, signal: AbortSignal): Promise<void> {
    const { wanted, outcome } = await this.commands.stateOf(deploymentStream(deploymentId), serviceDeploymentDecider);
    if (!wanted || outcome !== undefined) return;
    try {
      const work = (limited: AbortSignal) => this.replaced(wanted, limited);
      const { image, id: imageId } = await this.inTime(AbortSignal.any([signal, cancelled]), work);
      await this.tell(wanted, { type: 'SucceedServiceDeployment', image, imageId });
    } catch (error) {
      signal.throwIfAborted();
      const failure = failureOf(error);
      if (!failure) throw error;
      if (failure.code === CANCELLED.code) return this.withdraw(wanted);
      await this.driver.remove(deploymentId).catch(() => undefined);
      await this.published.giveBack(wanted.serviceId);
      const isBroken = error instanceof PermanentError;
      const told = isBroken ? failure : { ...failure, because: this.masked(failure.because, wanted) };
      await this.tell(wanted, { type: 'FailServiceDeployment', ...told });
      return;
    }
    await this.cleanUp(wanted, signal);
  }

  /** Of one that was cancelled nothing is left, which is tried until it is so. */
  private async withdraw(wanted: WantedDeployment): Promise<void> {
    await this.driver.remove(wanted.deploymentId);
    await this.published.giveBack(wanted.serviceId);
    await this.tell(wanted, { type: 'FailServiceDeployment', ...CANCELLED });
  }

  /** Nothing that does not answer holds up what is deployed next. */
  private async inTime<Done>(signal: AbortSignal, work: (limited: AbortSignal) => Promise<Done>): Promise<Done> {
    const [late, done] = [new AbortController(), new AbortController()];
    void this.clock.sleep(LIMIT_MS, done.signal).then(() => {
      if (!done.signal.aborted) late.abort(new ServiceFailure('timed_out', 'it took longer than an hour'));
    });
    return work(AbortSignal.any([signal, late.signal])).finally(() => done.abort());
  }

  private async replaced(wanted: WantedDeployment, signal: AbortSignal) {
    const { deploymentId, serviceId, service, project, run } = wanted;
    const variables = this.variablesOf(wanted);
    await this.advance(wanted, 'image');
    const found = await findImage(wanted, this.images, loginsIn(variables[REGISTRY_LOGINS]), signal);
    await this.published.take(serviceId, run.ports);
    await this.advance(wanted, 'start');
    const environment = Object.fromEntries(
      Object.entries(run.environment).map(([name, value]) => [name, expandVariables(value, variables)]),
    );
    const network = `foldline-${project.id}`;
    const alias = service.name.toLowerCase();
    await this.driver.start({ deploymentId, serviceId, network, alias, image: found.id, environment });
    await this.advance(wanted, 'check');
    await checkHealth(deploymentId, run.healthCheck, { driver: this.driver, clock: this.clock, signal });
    await this.advance(wanted, 'switch');
    await this.published.direct(wanted);
    return found;
  }

  /** The deployments of a service that have a container here, the newest first; only those that this log knows. */
  async containersOf(serviceId: string): Promise<WantedDeployment[]> {
    const found: WantedDeployment[] = [];
    for (const deploymentId of await this.driver.deploymentsOf(serviceId)) {
      const stream = deploymentStream(deploymentId);
      const { wanted } = await this.commands.stateOf(stream, serviceDeploymentDecider);
      if (wanted) found.push(wanted);
    }
    return found;
  }

  /** What ran before is stopped once it is done, and kept for a while; a rollback says so of what it took back. */
  private async cleanUp(wanted: WantedDeployment, signal: AbortSignal): Promise<void> {
    const { deploymentId, serviceId, rollback } = wanted;
    if (rollback) {
      const command = { type: 'RollBackServiceDeployment', by: deploymentId } as const;
      await this.commands.handle(deploymentStream(rollback.of), serviceDeploymentDecider, command, causeOf(wanted));
    }
    for (let waitedMs = 0; waitedMs < DRAIN_MS; waitedMs += LOOK_MS) {
      if (await this.published.isDrained(serviceId)) break;
      await this.clock.sleep(LOOK_MS, signal);
    }
    const others = (await this.containersOf(serviceId)).filter((other) => other.deploymentId !== deploymentId);
    for (const other of others.slice(0, KEPT)) await this.driver.stop(other.deploymentId, GRACE_MS);
    for (const other of others.slice(KEPT)) await this.driver.remove(other.deploymentId);
  }

  private opened({ project }: WantedDeployment, { key, scope, sealed }: SealedVariable): string {
    return this.box.open(sealed, variableSeal(project.id, key, scope));
  }

  private variablesOf(wanted: WantedDeployment): Record<string, string> {
    return Object.fromEntries(wanted.projectVariables.map((variable) => [variable.key, this.opened(wanted, variable)]));
  }

  /** A container may have written what it was given, and events are for ever. */
  private masked(text: string, wanted: WantedDeployment): string {
    return wanted.projectVariables
      .filter(({ masked }) => masked)
      .map((variable) => this.opened(wanted, variable))
      .reduce((hidden, value) => hidden.replaceAll(value, '[MASKED]'), text);
  }

  /** Whether it was cancelled is decided where its phases are: one that was goes no further. */
  private async advance(wanted: WantedDeployment, phase: Phase): Promise<void> {
    const { state } = await this.tell(wanted, { type: 'AdvanceServiceDeployment', phase });
    if (state.isCancelled || state.outcome !== undefined) throw wasCancelled();
  }

  private tell(wanted: WantedDeployment, command: ServiceDeploymentCommand): Promise<Handled<ServiceDeploymentState>> {
    const stream = deploymentStream(wanted.deploymentId);
    const cause = causeOf(wanted, 'phase' in command ? command.phase : 'end');
    return this.commands.handle(stream, serviceDeploymentDecider, command, cause);
  }
}

/** The same for everybody who carries it out, so that nothing is told twice. */
const causeOf = ({ deploymentId, serviceId }: WantedDeployment, what = 'rollback'): Cause => ({
  id: `deploy:${deploymentId}:${what}`,
  correlationId: `service-${serviceId}`,
  actor: { kind: 'system', id: 'deployer' },
});

const wasCancelled = (): ServiceFailure => new ServiceFailure(CANCELLED.code, CANCELLED.because);

const failureOf = (error: unknown): { code: string; because: string } | undefined => {
  if (error instanceof ServiceFailure) return { code: error.code, because: error.message };
  if (error instanceof ImageFailure) return { code: error.reason, because: error.message };
  // What can never succeed, such as a variable that does not open, is nothing to wait for.
  const isFinal = error instanceof Refusal || error instanceof PermanentError;
  return isFinal ? { code: 'config_error', because: error.message } : undefined;
};
