export { objectStoreContract, type ObjectStoreFixture } from './contracts/object-store.contract.ts';
export { logStoreContract, type LogStoreFixture } from './contracts/log-store.contract.ts';
