import { attemptToCompile, type CompileInput } from './compile.ts';

/** Entry of the child process of `DefinitionCompiler`: answers each definition in turn and ends with its parent. */
const answer = (input: CompileInput): void => {
  process.send?.({ result: attemptToCompile(input) });
};

process.on('message', (message: CompileInput) => answer(message));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
