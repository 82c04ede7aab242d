export * from './alert-documents.ts';
export * from './alert-rules.ts';
export * from './beginning.ts';
export { composeTrees, type ComposedEntry, type ComposedTrees } from './compose-trees.ts';
export * from './downstream.ts';
export * from './durations.ts';
export * from './environment-scope.ts';
export * from './event.ts';
export * from './globs.ts';
export * from './ids.ts';
export * from './image-name.ts';
export * from './job-document.ts';
export * from './job-variables.ts';
export * from './layered-manifest.ts';
export {
  TREE_LIMITS,
  linkProblem,
  byPath,
  parseManifest,
  pathProblem,
  placeOf,
  serializeManifest,
  type TreeEntry,
  type TreeForm,
  type TreeManifest,
} from './manifest.ts';
export * from './metrics-documents.ts';
export type { IncludedFile } from './included-file.ts';
export * from './pipeline-context.ts';
export * from './plan.ts';
export * from './planned-container.ts';
export type * from './planned-step.ts';
export * from './predefined-variables.ts';
export * from './problem.ts';
export * from './read-model-indexes.ts';
export * from './read-models.ts';
export * from './report-documents.ts';
export * from './reports.ts';
export * from './service.ts';
export * from './submitted-job.ts';
export * from './service-documents.ts';
export * from './signals.ts';
export * from './step-script.ts';
export * from './streams.ts';
export * from './test-tally.ts';
export * from './variable-names.ts';
export * from './variable-sources.ts';
export * from './variables.ts';
export * from './events/access.events.ts';
export { AlertFired, AlertResolved } from './events/alert.events.ts';
export * from './events/attempt.events.ts';
export * from './events/delivery.events.ts';
export * from './events/group.events.ts';
export * from './events/maintenance.events.ts';
export * from './events/pipeline.events.ts';
export * from './events/plan.events.ts';
export * from './events/project.events.ts';
export * from './events/report.events.ts';
export * from './events/runner.events.ts';
export type { ArtifactKind, Outcome, Resume, RunnerOffer } from './events/shared.schemas.ts';
export * from './events/service.events.ts';
export * from './events/storage.events.ts';
export * from './events/trigger.events.ts';
