import { ALL_PROJECTS, COLLECTION, EVER, metricsId, type MetricsDoc } from '@foldline/contracts';
import { defineProjection, whenChanged, type Changed, type Document, type Following } from '@foldline/kernel';
import {
  ofArtifact,
  ofCache,
  ofDeployment,
  ofEnvironment,
  ofJob,
  ofPipeline,
  ofServiceDeployment,
  type Measured,
} from './measures.ts';
import { emptyMetrics, withMeasure } from './tallies.ts';

const HOUR = 'YYYY-MM-DDTHH'.length;

/**
 * Each measure is counted in four documents: in this hour and ever, of its project and of all. Names are kept of hours
 * alone, so that no document grows with what was before.
 */
const measuring = <Source extends Document>(
  collection: string,
  measured: (changed: Changed<Source>) => Measured,
): Following<MetricsDoc> =>
  whenChanged<MetricsDoc, Source>(
    collection,
    (changed) => {
      const { projectId, measures } = measured(changed);
      if (measures.length === 0) return [];
      const hour = changed.event.recordedAt.slice(0, HOUR);
      return [projectId, ALL_PROJECTS].flatMap((scope) => [metricsId(scope, hour), metricsId(scope, EVER)]);
    },
    (doc, changed, id) => {
      const { projectId, measures } = measured(changed);
      const scope = id.slice(0, id.lastIndexOf('/'));
      const hour = id.slice(scope.length + 1);
      const ofProject = scope === projectId && hour !== EVER;
      const ofAll = scope === ALL_PROJECTS && hour !== EVER;
      const lists = { ofProject, ...(ofAll ? { projectId } : {}) };
      return measures.reduce(
        (tallied, measure) => withMeasure(tallied, measure, lists),
        doc ?? emptyMetrics(id, scope, hour),
      );
    },
  );

/** What happened by hours, counted as it happens; a new count covers all history, for it is folded from the log anew. */
export const metricsProjection = defineProjection<MetricsDoc>(
  COLLECTION.metrics,
  ({ id, scope, hour }) => ({ byScope: id, ...(hour === EVER ? { ever: `${scope}/` } : {}) }),
  [],
  [
    measuring(COLLECTION.jobs, ofJob),
    measuring(COLLECTION.pipelines, ofPipeline),
    measuring(COLLECTION.artifacts, ofArtifact),
    measuring(COLLECTION.caches, ofCache),
    measuring(COLLECTION.deployments, ofDeployment),
    measuring(COLLECTION.environments, ofEnvironment),
    measuring(COLLECTION.serviceDeployments, ofServiceDeployment),
  ],
);
