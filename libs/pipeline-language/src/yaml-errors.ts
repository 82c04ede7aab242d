import type { ErrorCode } from 'yaml';

type Explanation = { message: string; hint?: string };

const explanations: Partial<Record<ErrorCode, Explanation>> = {
  BAD_ALIAS: {
    message: 'An anchor or alias has no usable name.',
    hint: 'Write `&name` once and `*name` where it is used.',
  },
  BAD_DQ_ESCAPE: {
    message: 'A text in double quotes holds a backslash that YAML does not know.',
    hint: "Use single quotes ('…'), or write `\\\\` for a backslash.",
  },
  BAD_INDENT: {
    message: 'This line is indented differently from the lines it belongs to.',
    hint: 'Give all keys of a map, and all `-` of a list, the same indentation.',
  },
  BAD_SCALAR_START: {
    message: 'A text without quotes cannot begin with this character.',
    hint: 'Put the whole text in quotes.',
  },
  BLOCK_AS_IMPLICIT_KEY: {
    message: 'This line has a second `: `, which YAML reads as a map inside a map.',
    hint: 'If it is one text, put it in quotes.',
  },
  BLOCK_IN_FLOW: {
    message: 'A list or map written with indentation stands inside brackets.',
    hint: 'Close the bracket, or write the inner part with brackets too.',
  },
  MULTILINE_IMPLICIT_KEY: {
    message: 'A key spans several lines; probably a `:` or an indentation is missing.',
    hint: 'Write `key: value` on one line, or indent the text that belongs to the line above.',
  },
  RESOURCE_EXHAUSTION: { message: 'The file is nested too deeply.' },
  TAB_AS_INDENT: { message: 'A tab is used for indentation, which YAML does not allow.', hint: 'Use spaces.' },
};

/** The library's error in our words; messages it words well itself are kept. */
export const explainYaml = (error: { code: ErrorCode; message: string }): Explanation => {
  if (error.code === 'MISSING_CHAR' && /closing/.test(error.message))
    return { message: 'A quote is opened and never closed.', hint: 'Close the text with the same quote.' };
  if (/followed by map values|scalar token in YAML stream|Unexpected scalar at node end/.test(error.message))
    return { message: 'This line is neither `key: value` nor part of a list.', hint: 'Is a `:` or a `- ` missing?' };
  return explanations[error.code] ?? { message: `${error.message.replace(/[.:]?$/, '')}.` };
};
