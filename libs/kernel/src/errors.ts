/** The world is broken for now: the same call may succeed later. Consumers retry it. */
export class TransientError extends Error {
  override readonly name: string = 'TransientError';
}

/**
 * A server does not let this process in: it does not know the credentials, or they do not give the right. That passes
 * when somebody mends it, and no event and no command is to blame for it; a process that starts says so and ends.
 */
export class AccessDenied extends TransientError {
  override readonly name = 'AccessDenied';
}

/** The same call can never succeed. Consumers park the stream; HTTP answers 500. */
export class PermanentError extends Error {
  override readonly name: string = 'PermanentError';
}

/** An append expected another revision than the stream has: someone else wrote first. */
export class WrongExpectedRevision extends Error {
  override readonly name = 'WrongExpectedRevision';
  constructor(
    readonly stream: string,
    readonly expected: number,
    /** The stream's last revision; -1 when it does not exist. */
    readonly actual: number,
  ) {
    super(`${stream} is at revision ${actual}, not ${expected}`);
  }
}

/** Stored data is not what was written. Nothing is served from it. */
export class DamagedLog extends PermanentError {
  override readonly name = 'DamagedLog';
  constructor(
    readonly stream: string,
    readonly position: number,
    detail: string,
  ) {
    super(`the event log is damaged at position ${position} (stream ${stream}): ${detail}`);
  }
}

export type SiteFailure =
  | 'image_not_found'
  | 'image_access_denied'
  | 'image_pull_failure'
  | 'image_unusable'
  | 'config_error'
  | 'docker_not_allowed'
  | 'docker_unavailable';

/** A job cannot be given the place that it asks to run in; `reason` is what its failure is called. */
export class SiteUnavailable extends Error {
  override readonly name = 'SiteUnavailable';
  constructor(
    readonly reason: SiteFailure,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Why an image could not be built, fetched or brought to a registry. */
export type ImageFailureReason =
  | SiteUnavailable['reason']
  | 'dockerfile_missing'
  | 'image_build_failure'
  | 'image_push_denied'
  | 'image_push_failure'
  | 'needs_docker'
  | 'registry_unreachable';

/** What stands in the way of an image; `reason` is what the failure is called. */
export class ImageFailure extends Error {
  override readonly name = 'ImageFailure';
  constructor(
    readonly reason: ImageFailureReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What stands in the way of a service that is to run; `code` is what the failure is called. */
export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure';
  constructor(
    readonly code:
      | 'cancelled'
      | 'container_ended'
      | 'container_refused'
      | 'docker_unavailable'
      | 'health_check_failed'
      | 'image_not_found'
      | 'needs_docker'
      | 'port_taken'
      | 'timed_out',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A command that the domain does not accept. One filter maps `code` to an HTTP status; the domain knows no statuses. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  constructor(
    readonly code: string,
    message: string,
    readonly fields: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}
