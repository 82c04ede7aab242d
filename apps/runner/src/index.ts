export { RunnerDrain } from './drain.service.ts';
export { RunnerModule } from './runner.module.ts';
