/** A container of a service, as one deployment wants it. */
export type ServiceContainer = {
  deploymentId: string;
  serviceId: string;
  /** In which containers of one project find each other, by the names of their services. */
  network: string;
  alias: string;
  /** An image that is here. */
  image: string;
  environment: Readonly<Record<string, string>>;
};

/** How the container of a deployment stands. `address` is where its ports answer while it runs. */
export type ContainerStanding = {
  deploymentId: string;
  state: 'running' | 'stopped';
  address?: string;
  /** How often it has ended by itself and was started again. */
  restarts: number;
  /** Of one that has stopped. */
  exitCode?: number;
};

/**
 * Runs containers of services, one per deployment. Whatever is asked twice is done once: containers are found by their
 * deployment, also by a later process. What the daemon cannot do is a `ServiceFailure`.
 */
export interface ServiceDriver {
  /** Makes and starts the container, and answers how it stands; one that is there is started again where it is stopped. */
  start(container: ServiceContainer): Promise<ContainerStanding>;
  standing(deploymentId: string): Promise<ContainerStanding | undefined>;
  /**
   * Deployments of a service that have a container, the newest first. Those of another instance may be among them, whose
   * service has the same id.
   */
  deploymentsOf(serviceId: string): Promise<string[]>;
  /** The end of what the container has written. */
  lastOutput(deploymentId: string): Promise<string>;
  /** Ends it, after the grace period by force. The container stays. */
  stop(deploymentId: string, graceMs: number): Promise<void>;
  /** Nothing is left of it. */
  remove(deploymentId: string): Promise<void>;
}
