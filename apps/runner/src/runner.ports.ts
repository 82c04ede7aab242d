/** Injection token of all ports as one object, for the parts that hand them on. */
export const RUNNER_PORTS = Symbol('RunnerPorts');
