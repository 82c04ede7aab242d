export { ArtifactStoreModule } from './artifact-store.module.ts';
