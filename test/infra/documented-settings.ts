import { SETTINGS } from '@foldline/host';

/** Whether a service knows this variable, by itself or as the name of a file. */
export const isSetting = (name: string): boolean => name.replace(/_FILE$/, '') in SETTINGS;

const ASSIGNMENT = /^(FOLDLINE_[A-Z0-9_]+)=(\S+)$/;
const FILE = /^# (\/\S+) is (\S+)$/;

export type DocumentedSettings = {
  settings: Record<string, string>;
  /** What the files hold that settings name, by path. */
  files: Record<string, string>;
};

/** The settings in the first block of shell below a heading: `NAME=value`, and `# /path is text` for files. */
export const settingsIn = (document: string, heading: string): DocumentedSettings => {
  const [, section = ''] = document.split(` ${heading}\n`, 2);
  const block = /^```sh\n([^]*?)^```/m.exec(section)?.[1];
  if (block === undefined) throw new Error(`no settings below the heading "${heading}"`);
  const found: DocumentedSettings = { settings: {}, files: {} };
  for (const line of block.trim().split('\n')) {
    const [, name, value] = ASSIGNMENT.exec(line) ?? [];
    const [, path, text] = FILE.exec(line) ?? [];
    if (name !== undefined) found.settings[name] = value!;
    else if (path !== undefined) found.files[path] = text!;
    else throw new Error(`neither a setting nor a file: ${line}`);
  }
  return found;
};
