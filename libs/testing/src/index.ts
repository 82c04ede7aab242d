export { objectStoreContract, type ObjectStoreFixture } from './contracts/object-store.contract.ts';
