export { SchedulerModule } from './scheduler.module.ts';
