export { Spawner, type ProgramEnd, type ProgramRequest, type ProgramResult, type StartedProgram } from './spawner.ts';
