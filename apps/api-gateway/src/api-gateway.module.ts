import { Module, type Type } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AlertQueries } from './alerts/alert.queries.ts';
import { AlertsController } from './alerts/alerts.controller.ts';
import { FiringAlertsController } from './alerts/firing-alerts.controller.ts';
import { ArtifactQueries } from './artifacts/artifact.queries.ts';
import { ArtifactsController } from './artifacts/artifacts.controller.ts';
import { BuildQueries } from './builds/build.queries.ts';
import { BuildRequests } from './builds/build-requests.ts';
import { CancelBuild } from './builds/cancel-build.ts';
import { BuildsController } from './builds/builds.controller.ts';
import { CicdJobsController } from './builds/cicd-jobs.controller.ts';
import { PushedServices } from './builds/pushed-services.ts';
import { Definitions } from './definitions/definitions.ts';
import { LintController } from './definitions/lint.controller.ts';
import { PlanPreviewController } from './definitions/plan-preview.controller.ts';
import { DeliveryController } from './delivery/delivery.controller.ts';
import { EventPages } from './events/event-pages.ts';
import { EventsController } from './events/events.controller.ts';
import { AdminToken, BearerGuard } from './http/bearer.guard.ts';
import { OpenStreams } from './http/open-streams.ts';
import { ProblemFilter } from './http/problem.filter.ts';
import { ReadYourWrites } from './http/read-your-writes.ts';
import { StrictValidation } from './http/validation.pipe.ts';
import { JobQueue } from './jobs/job.queries.ts';
import { JobsController } from './jobs/jobs.controller.ts';
import { JobLogs } from './logs/job-logs.ts';
import { LogAnswers } from './logs/log-answers.ts';
import { LogSocket } from './logs/log-socket.ts';
import { LogsController } from './logs/logs.controller.ts';
import { CONTROLLERS, DocsController } from './openapi/docs.controller.ts';
import { MaintenanceController } from './maintenance/maintenance.controller.ts';
import { MaintenanceQueries } from './maintenance/maintenance.queries.ts';
import { HealthController } from './operations/health.controller.ts';
import { LogWatch } from './operations/log-watch.ts';
import { DeliveryMetrics } from './operations/delivery-metrics.queries.ts';
import { MetricsController } from './operations/metrics.controller.ts';
import { OperationsController } from './operations/operations.controller.ts';
import { PipelineHistory } from './pipelines/pipeline-history.ts';
import { PipelineController } from './pipelines/pipeline.controller.ts';
import { PipelineQueries } from './pipelines/pipeline.queries.ts';
import { PipelinesController } from './pipelines/pipelines.controller.ts';
import { CallersController } from './projects/callers.controller.ts';
import { ProjectRegistration } from './projects/project-registration.ts';
import { ProjectQueries } from './projects/project.queries.ts';
import { ProjectsController } from './projects/projects.controller.ts';
import { ResourceGroupQueries } from './projects/resource-group.queries.ts';
import { ResourceGroupsController } from './projects/resource-groups.controller.ts';
import { SecretsController } from './projects/secrets.controller.ts';
import { SubscriptionsController } from './projects/subscriptions.controller.ts';
import { VariablesController } from './projects/variables.controller.ts';
import { QueueController } from './queue/queue.controller.ts';
import { QueuePictures } from './queue/queue-pictures.ts';
import { WaitingJobs } from './queue/waiting-jobs.ts';
import { NumberedQueries } from './services/numbered.queries.ts';
import { CancelDeployment } from './services/cancel-deployment.ts';
import { Numbers } from './services/numbers.ts';
import { DeploymentsController } from './services/deployments.controller.ts';
import { DeploymentRequests } from './services/deployment-requests.ts';
import { ServiceMetricsController } from './services/service-metrics.controller.ts';
import { ServicesController } from './services/services.controller.ts';
import { SnapshotQueries } from './snapshots/snapshot.queries.ts';
import { SnapshotsController } from './snapshots/snapshots.controller.ts';
import { DashboardController } from './statistics/dashboard.controller.ts';
import { StatisticsController } from './statistics/statistics.controller.ts';
import { ReportQueries } from './statistics/report.queries.ts';
import { Statistics } from './statistics/statistics.queries.ts';
import { JobSubmissions } from './submitted-jobs/job-submissions.ts';
import { SubmittedJobQueries } from './submitted-jobs/submitted-job.queries.ts';
import { SubmittedJobsController } from './submitted-jobs/submitted-jobs.controller.ts';
import { SubmittedJobStream } from './submitted-jobs/submitted-job-stream.ts';
import { Admission } from './triggers/admission.ts';
import { Idempotency } from './triggers/idempotency.ts';
import { PipelineRequests } from './triggers/pipeline-requests.ts';
import { PipelineWishes } from './triggers/pipeline-wishes.ts';
import { WishOutcomes } from './triggers/wish-outcomes.ts';
import { WebhookController } from './triggers/webhook.controller.ts';

/** Everything that answers over HTTP. */
const controllers: Type[] = [
  ProjectsController,
  VariablesController,
  SecretsController,
  SubscriptionsController,
  ResourceGroupsController,
  CallersController,
  ServicesController,
  DeploymentsController,
  ServiceMetricsController,
  BuildsController,
  CicdJobsController,
  SubmittedJobsController,
  PipelinesController,
  PipelineController,
  JobsController,
  QueueController,
  LogsController,
  ArtifactsController,
  SnapshotsController,
  DeliveryController,
  PlanPreviewController,
  LintController,
  MetricsController,
  StatisticsController,
  DashboardController,
  AlertsController,
  FiringAlertsController,
  EventsController,
  WebhookController,
  OperationsController,
  MaintenanceController,
  HealthController,
  DocsController,
];

/** The only service with HTTP: commands in, documents out. Its ports come from `PortsModule`. */
@Module({
  controllers,
  providers: [
    { provide: APP_GUARD, useClass: BearerGuard },
    { provide: APP_PIPE, useClass: StrictValidation },
    { provide: APP_FILTER, useClass: ProblemFilter },
    { provide: CONTROLLERS, useValue: () => controllers },
    AdminToken,
    OpenStreams,
    ReadYourWrites,
    Admission,
    Idempotency,
    PipelineRequests,
    Definitions,
    PipelineWishes,
    WishOutcomes,
    ProjectQueries,
    ProjectRegistration,
    ResourceGroupQueries,
    PipelineQueries,
    PipelineHistory,
    JobQueue,
    QueuePictures,
    WaitingJobs,
    JobLogs,
    LogAnswers,
    Numbers,
    NumberedQueries,
    BuildQueries,
    BuildRequests,
    CancelBuild,
    PushedServices,
    DeploymentRequests,
    CancelDeployment,
    DeliveryMetrics,
    ReportQueries,
    Statistics,
    AlertQueries,
    MaintenanceQueries,
    JobSubmissions,
    SubmittedJobQueries,
    SubmittedJobStream,
    ArtifactQueries,
    SnapshotQueries,
    LogSocket,
    EventPages,
    LogWatch,
  ],
})
export class ApiGatewayModule {}
