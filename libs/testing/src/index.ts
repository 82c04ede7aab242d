export { objectStoreContract, type ObjectStoreFixture } from './contracts/object-store.contract.ts';
export { logStoreContract, type LogStoreFixture } from './contracts/log-store.contract.ts';
export { copiesOf } from './copies-of.ts';
export { givenWhenThen, type Given } from './given-when-then.ts';
export type { ExecutorFixture } from './contracts/executor-attempts.ts';
export { executorContract } from './contracts/executor.contract.ts';
export { eventStoreContract, type EventStoreFixture } from './contracts/event-store.contract.ts';
export { Collected, gate, sampleEvent, sampleEvents } from './contracts/event-samples.ts';
export { ManualClock } from './manual-clock.ts';
export { storeWith } from './store-with.ts';
export { readStoreContract, type ReadStoreFixture } from './contracts/read-store.contract.ts';
export { eventBusContract } from './contracts/event-bus.contract.ts';
export { handlingFailuresContract } from './contracts/handling-failures.contract.ts';
export type { EventBusFixture, EventBusOptions } from './contracts/event-bus-opening.ts';
export { planOf, plannedJob, sampleBuild, sampleContext } from './plan-samples.ts';
export { runnerOffer } from './runner-offer.ts';
export { absent, whenAsked, withPrograms, withRealServer, type ServerSetting } from './real-server.ts';
export {
  claimsContract,
  soleClaimsContract,
  type ClaimsFixture,
  type SoleClaimsFixture,
} from './contracts/claims.contract.ts';
export { serviceDriverContract, type ServiceDriverFixture } from './contracts/service-driver.contract.ts';
export { signalsContract, type SignalsFixture } from './contracts/signals.contract.ts';
export { freePort } from './free-port.ts';
export { OwnRedis } from './own-redis.ts';
export { makeCertificates, SECURE_USER, SecureServers, withSecureServers } from './secure-servers.ts';
