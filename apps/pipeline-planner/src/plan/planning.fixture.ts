import { Commands, type Ports } from '@foldline/kernel';
import { PlanOnPipelineRequested } from './plan-on-pipeline-requested.policy.ts';

/** The policy as the planner has it, on these ports. */
export const planningWith = (ports: Ports): PlanOnPipelineRequested => {
  const { eventStore, sourceRepository, secretBox, logger, clock, outboundHttp, settings } = ports;
  const { readStore, readModels, objectStore } = ports;
  const commands = new Commands(eventStore, clock, 'pipeline-planner');
  return new PlanOnPipelineRequested(
    commands,
    sourceRepository,
    secretBox,
    logger,
    clock,
    outboundHttp,
    settings,
    readStore,
    readModels,
    objectStore,
  );
};
