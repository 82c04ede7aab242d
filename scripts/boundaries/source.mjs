// Reads what a TypeScript file imports, and its code without comments and texts, so that neither can be mistaken for code.

const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const STRING = /'(?:[^'\\\n]|\\[\s\S])*'|"(?:[^"\\\n]|\\[\s\S])*"/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const TEMPLATE_TEXT = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*/y;
/** After any of these a slash begins a regular expression; after anything else it divides. */
const BEFORE_REGEX = /(?:^|[=(,:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|yield|await))$/;
const LOOK_BACK = 200;

const blanked = (text) => text.replace(/[^\n]/g, ' ');
const matchAt = (pattern, text, at) => {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
};

class Scanner {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.code = '';
    /** Offset of a string's first quote → what the string says. */
    this.strings = new Map();
    this.depth = 0;
    /** Brace depths at which a template's `${` was opened. */
    this.templates = [];
  }

  take(length, shown) {
    this.code += shown;
    this.at += length;
  }

  quoted(token) {
    this.take(token.length, token[0] + blanked(token.slice(1, -1)) + token[0]);
  }

  templateText() {
    const text = matchAt(TEMPLATE_TEXT, this.text, this.at);
    this.take(text.length, blanked(text));
    if (this.text.startsWith('${', this.at)) {
      this.take(2, ' {');
      this.templates.push(this.depth);
    } else if (this.at < this.text.length) this.take(1, '`');
  }

  slash() {
    const comment = matchAt(COMMENT, this.text, this.at);
    if (comment) return this.take(comment.length, blanked(comment));
    const before = this.code.slice(-LOOK_BACK).trimEnd();
    const regex = BEFORE_REGEX.test(before) ? matchAt(REGEX, this.text, this.at) : undefined;
    return regex ? this.take(regex.length, `/${blanked(regex.slice(2))}/`) : this.take(1, '/');
  }

  closingBrace() {
    const endsTemplate = this.templates.length > 0 && this.templates.at(-1) === this.depth;
    if (!endsTemplate) this.depth -= 1;
    this.take(1, '}');
    if (endsTemplate) {
      this.templates.pop();
      this.templateText();
    }
  }

  run() {
    while (this.at < this.text.length) {
      const character = this.text[this.at];
      const string = character === "'" || character === '"' ? matchAt(STRING, this.text, this.at) : undefined;
      if (string) {
        this.strings.set(this.at, string.slice(1, -1));
        this.quoted(string);
      } else if (character === '/') this.slash();
      else if (character === '`') {
        this.take(1, '`');
        this.templateText();
      } else if (character === '}') this.closingBrace();
      else {
        if (character === '{') this.depth += 1;
        this.take(1, character);
      }
    }
    return this;
  }
}

const FORMS = [
  { pattern: /\b(?:import|export)\b\s*(type\b(?!\s*(?:,|from\b)))?[\w$\s{},*]*?\bfrom\s*(?=['"])/g },
  { pattern: /(?<!\.)\bimport\s*(?=['"])/g },
  { pattern: /(?<![.\w])require\s*\(\s*(?=['"])/g },
  { pattern: /(?<!\.)\bimport\s*\(\s*/g },
];

/**
 * `imports` in order of appearance; `specifier` is undefined where it is computed and cannot be known.
 * `code` is the text with every comment, string, template text and regular expression blanked, offset for offset.
 */
export const readSource = (text) => {
  const { code, strings } = new Scanner(text).run();
  const lineOf = (offset) => text.slice(0, offset).split('\n').length;
  const imports = FORMS.flatMap(({ pattern }) =>
    [...code.matchAll(pattern)].map((match) => ({
      specifier: strings.get(match.index + match[0].length),
      typeOnly: Boolean(match[1]),
      offset: match.index,
      line: lineOf(match.index),
    })),
  ).toSorted((a, b) => a.offset - b.offset);
  return { code, imports, lineOf };
};
