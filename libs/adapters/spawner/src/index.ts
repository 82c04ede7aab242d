export { Spawner, type MeasuredEnd, type ProgramRequest, type ProgramResult, type StartedProgram } from './spawner.ts';
