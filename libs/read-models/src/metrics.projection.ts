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

const OF_CACHES: ReadonlySet<string> = new Set(['lookup', 'saved', 'removed']);
const HOUR = 'YYYY-MM-DDTHH'.length;

/**
 * Each measure is counted in this hour, of its project and of all, and ever of all; what caches do is known of each
 * project, too, for what they hold now is what was ever kept and not removed. Names are kept of hours alone, so that no
 * document grows with what was before.
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
      const ever = measures.some(({ kind }) => OF_CACHES.has(kind)) ? [metricsId(projectId, EVER)] : [];
      return [metricsId(projectId, hour), metricsId(ALL_PROJECTS, hour), metricsId(ALL_PROJECTS, EVER), ...ever];
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
