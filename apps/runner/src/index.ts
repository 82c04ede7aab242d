export { RunnerModule } from './runner.module.ts';
