export { projectJobIndexKey } from './jobs.projection.ts';
export { projectQueuePrefix } from './job-places.ts';
export { pipelineIndexKey } from './pipelines.projection.ts';
export { READ_MODELS_NAME } from './name.ts';
export { READ_MODELS } from './read-models.ts';
export { canonicalUrl, urlIndexPrefix } from './repository-url.ts';
