/** What the shell of a step is given; `starts` says where in it each command begins. */
export type StepScript = { text: string; starts: number[] };

/** One word of the shell language that means exactly this text. */
export const shellWord = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

const firstLine = (command: string): string => /^[^\r\n]*/.exec(command.trimStart())?.[0] ?? '';

/**
 * The script of one step. Commands stand in it as their author wrote them, so that `cd`, `export` and blocks that span
 * several list items mean what they mean to GitLab; nothing but the author's own text ever becomes code.
 * The first line makes both outputs one pipe, so their order is the order of writing.
 */
export const stepScript = (options: string, commands: readonly string[]): StepScript => {
  let text = `exec 2>&1\n${options}\n`;
  const starts: number[] = [];
  for (const command of commands) {
    text += `printf '\\033[32;1m$ %s\\033[0;m\\n' ${shellWord(firstLine(command))}\n`;
    starts.push(text.length);
    text += `${command}\n`;
  }
  return { text, starts };
};
