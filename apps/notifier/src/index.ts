export { NotifierModule } from './notifier.module.ts';
