import type { ErrorCode } from 'yaml';
import { showable } from './node.ts';

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
    message: 'YAML reads a map here: this line has a second `: `, or the next one is indented too far.',
    hint: 'If it is one text, put it in quotes; otherwise indent the next line as this one.',
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

/** What is told apart by the library's words alone. */
const worded: readonly (readonly [words: RegExp, Explanation])[] = [
  [
    /^Not a YAML token/,
    {
      message: 'Something stands here that means nothing in YAML.',
      hint: 'Write the line anew, with one line break behind it.',
    },
  ],
  [
    /end with a \]$/,
    { message: 'A `[` stands above that is not closed before this place.', hint: 'Close the list with `]`.' },
  ],
  [
    /end with a \}$/,
    { message: 'A `{` stands above that is not closed before this place.', hint: 'Close the map with `}`.' },
  ],
  [
    /^Unexpected flow-\S+ at node end/,
    { message: 'A bracket stands in a text without quotes.', hint: 'Put the whole text in quotes.' },
  ],
  [
    /^Unexpected flow-\S+-end token/,
    { message: 'A bracket is closed that was not opened.', hint: 'Remove it, or put the whole text in quotes.' },
  ],
  [
    /^Unexpected block-seq-ind on same line/,
    { message: 'A list cannot begin on the line of its key.', hint: 'Begin each `- ` on a line of its own.' },
  ],
  [
    /followed by map values|scalar token in YAML stream|Unexpected scalar at node end/,
    { message: 'This line is neither `key: value` nor part of a list.', hint: 'Is a `:` or a `- ` missing?' },
  ],
];

/** The library's error in our words; messages it words well itself are kept. */
export const explainYaml = (error: { code: ErrorCode; message: string }): Explanation => {
  if (error.code === 'MISSING_CHAR' && /closing/.test(error.message))
    return { message: 'A quote is opened and never closed.', hint: 'Close the text with the same quote.' };
  const [, said] = worded.find(([words]) => words.test(error.message)) ?? [];
  return said ?? explanations[error.code] ?? { message: `${showable(error.message).replace(/[.:]?$/, '')}.` };
};
