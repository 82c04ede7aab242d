import { attemptToCompile, type CompileInput, type LintInput } from './compile.ts';
import { attemptToLint } from './lint/lint.ts';

type Input = CompileInput | LintInput;

/** Entry of the child process of `DefinitionCompiler`: answers each definition in turn and ends with its parent. */
const answer = (input: Input): void => {
  const result = 'trigger' in input ? attemptToCompile(input) : attemptToLint(input);
  process.send?.({ result });
};

// The parser asks for a setting at every token, which costs far more of the process's own environment than of an object.
process.env = {};

process.on('message', (message: Input) => answer(message));
process.on('disconnect', () => process.exit(0));
process.send?.({ ready: true });
