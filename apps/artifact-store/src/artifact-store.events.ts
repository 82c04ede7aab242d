import { Controller, Inject } from '@nestjs/common';
import { EventPattern, Payload } from '@nestjs/microservices';
import {
  ArtifactUploaded,
  AttemptFinished,
  CacheUploaded,
  JobCancelled,
  JobFailed,
  JobFinishing,
  JobRetried,
  MaintenanceRequested,
  type Recorded,
} from '@foldline/contracts';
import { SealLog } from './log/seal-log.policy.ts';
import { Maintain } from './maintenance/maintain.background.ts';
import { AnswerUploads } from './upload/answer-uploads.policy.ts';

/** What the artifact-store reacts to. */
@Controller()
export class ArtifactStoreEvents {
  constructor(
    @Inject(AnswerUploads) private readonly answerUploads: AnswerUploads,
    @Inject(SealLog) private readonly sealLog: SealLog,
    @Inject(Maintain) private readonly maintain: Maintain,
  ) {}

  @EventPattern(ArtifactUploaded.type)
  artifactUploaded(@Payload() event: Recorded<ReturnType<typeof ArtifactUploaded>>): Promise<void> {
    return this.answerUploads.onUploaded(event);
  }

  @EventPattern(CacheUploaded.type)
  cacheUploaded(@Payload() event: Recorded<ReturnType<typeof CacheUploaded>>): Promise<void> {
    return this.answerUploads.onUploaded(event);
  }

  @EventPattern(AttemptFinished.type)
  attemptFinished(@Payload() event: Recorded<ReturnType<typeof AttemptFinished>>): Promise<void> {
    return this.sealLog.onAttemptFinished(event);
  }

  @EventPattern(JobFailed.type)
  jobFailed(@Payload() event: Recorded<ReturnType<typeof JobFailed>>): Promise<void> {
    return this.sealLog.onJobFailed(event);
  }

  @EventPattern(JobCancelled.type)
  jobCancelled(@Payload() event: Recorded<ReturnType<typeof JobCancelled>>): Promise<void> {
    return this.sealLog.onJobCancelled(event);
  }

  @EventPattern(JobFinishing.type)
  jobFinishing(@Payload() event: Recorded<ReturnType<typeof JobFinishing>>): Promise<void> {
    return this.answerUploads.onJobFinishing(event);
  }

  @EventPattern(JobRetried.type)
  async jobRetried(@Payload() event: Recorded<ReturnType<typeof JobRetried>>): Promise<void> {
    await this.answerUploads.onJobRetried(event);
    await this.sealLog.onJobRetried(event);
  }

  @EventPattern(MaintenanceRequested.type)
  maintenanceRequested(@Payload() event: Recorded<ReturnType<typeof MaintenanceRequested>>): Promise<void> {
    return this.maintain.onRequested(event);
  }
}
