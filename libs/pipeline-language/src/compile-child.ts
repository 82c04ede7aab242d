import { attemptToCompile, attemptToLint, type CompileInput } from './compile.ts';
import type { LintInput } from './definition-compiler.ts';

type Input = CompileInput | LintInput;

/** Entry of the child process of `DefinitionCompiler`: answers each definition in turn and ends with its parent. */
const answer = (input: Input): void => {
  const result = 'trigger' in input ? attemptToCompile(input) : attemptToLint(input.file, input.text, input.sources);
  process.send?.({ result });
};

// The parser asks for a setting at every token, which costs far more of the process's own environment than of an object.
process.env = {};

process.on('message', (message: Input) => answer(message));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
