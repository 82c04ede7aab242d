const continues = new Set(['then', 'else', 'elif', 'fi', 'do', 'done', 'esac', '}']);
/** After one of these the shell expects more, so the fold's space is as good as a line break. */
const open = /(?:^|[\s;])(?:then|do|else|elif|in|if|while|until|\{)$|[;&|({\\]$/;
const opensBlock = /(?:^|[\s;])(?:then|do|else|in|\{)$|[({]$/;

/**
 * YAML folds an unquoted text over several lines into one line, which breaks `if … then … else … fi` (seed S0-08, C17).
 * Answers the command with its line breaks put back, or nothing when folding does no harm (`docker build` with its
 * options on further lines).
 */
export const unfoldShell = (lines: readonly string[]): string | undefined => {
  const rows = lines.map((line) => ({ text: line.trim(), indent: line.length - line.trimStart().length }));
  const written = rows.filter(({ text }) => text !== '' && !text.startsWith('#'));
  const broken = written.some(({ text }, index) => {
    const before = written[index - 1]?.text;
    return before !== undefined && !open.test(before) && continues.has(firstWord(text));
  });
  if (!broken) return undefined;
  const margin = Math.min(...written.slice(1).map(({ indent }) => indent));
  return written.reduce((command, { text, indent }, index) => {
    const before = written[index - 1];
    if (before === undefined) return text;
    // A deeper line after one that opens no block goes on with its command. The first line's depth is not comparable.
    const sameCommand = index > 1 && indent > before.indent && !opensBlock.test(before.text);
    return sameCommand ? `${command} ${text}` : `${command}\n${' '.repeat(indent - margin)}${text}`;
  }, '');
};

const firstWord = (text: string): string => /^[a-z}]+(?=[\s;)&|]|$)/.exec(text)?.[0] ?? '';
