/** What has broken parsers before, or could break one that does what ours does. */
const WORDS = [
  '\0',
  '\uFEFF',
  '\r\n',
  '\r',
  '\u2028',
  '\u0085',
  '\ud800',
  '\udc00',
  '\u202E',
  '\u{1F600}',
  'e\u0301',
  '\u00A0',
  '\t',
  '\x1b[31m',
  '"\\x1b[2J\\u0007"',
  '"\\ud800"',
  '"\\uDC00\\0"',
  '__proto__',
  'constructor: 1',
  'prototype: {}',
  'toString',
  'hasOwnProperty: 1',
  '$[[ inputs.a ]]',
  '$[[ inputs.a | truncate(0,999999) | expand_vars ]]',
  '$[[ matrix.A ]]',
  '$[[',
  ']]',
  '!reference [job, script]',
  '!reference []',
  '!!binary aGk=',
  '!!js/function x',
  '!<tag:yaml.org,2002:map> {}',
  '<<: *a',
  '<<: [*a, *a]',
  '&a',
  '*a',
  '? ',
  '---',
  '...',
  '%YAML 1.1',
  '%TAG ! x',
  '|',
  '>-',
  '|9',
  '|+',
  '- - - - ',
  '{',
  '}',
  '[',
  ']',
  ': ',
  ' #',
  '"',
  "'",
  '`',
  '@',
  'null',
  '~',
  'true',
  '0x7fffffffffffffff',
  '1e999',
  '-1',
  '.inf',
  '.nan',
  '99999999999999999999',
  '0.1e-400',
  '$CI_COMMIT_BRANCH',
  '${',
  '$$',
  '$A',
  '$HIDDEN',
  '/(a+)+$/',
  '/(?=a)/',
  '/[/',
  '/\\pL{900}/',
  '=~',
  '!~ /x/',
  '&& ||',
  '((((',
  'if: $A =~ $HIDDEN',
  '**/**/**',
  '{a,b}{c,d}',
  '[z-a]',
  '../../etc/passwd',
  '/etc/passwd',
  'C:\\x',
  'include: .codara-ci.yml',
  'include: "**/*.yml"',
  'extends: [a, b]',
  'needs: []',
  'parallel: 200',
  'parallel: {matrix: [{A: [1,2], B: [3,4]}]}',
  'retry: 99',
  'timeout: 9999999999999 weeks',
  'spec: {inputs: {a: {default: x}}}',
];

const placed = (random, text, insert, cut = 0) => {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + insert + text.slice(at + cut);
};

const TOKEN = /[\w.$-]+|[^\w\s]|\s+/gu;

const withLines = (change) => (random, text) => {
  const lines = text.split('\n');
  change(random, lines);
  return lines.join('\n');
};

const anyLine = (random, lines) => random.below(lines.length);

/** Each makes another text of one; `others` are texts from which parts may come. */
export const MUTATIONS = {
  character: (random, text) => placed(random, text, String.fromCharCode(random.below(0x180)), random.below(2)),
  word: (random, text) => placed(random, text, random.pick(WORDS), random.below(4)),
  value: (random, text) => text.replace(/:[^\n]*$/m, () => `: ${random.pick(WORDS)}`),
  cut: (random, text) => placed(random, text, '', random.below(40)),
  end: (random, text) => text.slice(0, random.below(text.length + 1)),
  token: (random, text) => {
    const tokens = text.match(TOKEN) ?? [];
    if (tokens.length > 0) tokens[random.below(tokens.length)] = random.pick(random.chance(0.5) ? WORDS : tokens);
    return tokens.join('');
  },
  twice: withLines((random, lines) => {
    const from = anyLine(random, lines);
    const some = lines.slice(from, from + 1 + random.below(8));
    lines.splice(anyLine(random, lines), 0, ...some);
  }),
  without: withLines((random, lines) => lines.splice(anyLine(random, lines), 1 + random.below(3))),
  swapped: withLines((random, lines) => {
    const [a, b] = [anyLine(random, lines), anyLine(random, lines)];
    [lines[a], lines[b]] = [lines[b], lines[a]];
  }),
  indented: withLines((random, lines) => {
    const at = anyLine(random, lines);
    lines[at] = random.chance(0.5) ? ' '.repeat(random.below(6)) + lines[at] : lines[at].replace(/^ {1,2}/, '');
  }),
  quoted: withLines((random, lines) => {
    const at = anyLine(random, lines);
    lines[at] = lines[at].replace(/: (.*)$/, (_, value) => `: ${random.pick(['"', "'"])}${value}`);
  }),
  anchored: withLines((random, lines) => {
    const at = anyLine(random, lines);
    lines[at] = lines[at].replace(/:( |$)/, ': &a ');
    const other = anyLine(random, lines);
    lines[other] = lines[other].replace(/: .*$/, random.pick([': *a', ': [*a, *a, *a]', ':\n  <<: *a']));
  }),
  windows: (_, text) => text.replaceAll('\n', '\r\n'),
  marked: (_, text) => `\uFEFF${text}`,
  spliced: (random, text, others) => {
    const lines = text.split('\n');
    const from = random.pick(others).text.split('\n');
    const at = anyLine(random, from);
    lines.splice(anyLine(random, lines), 0, ...from.slice(at, at + 1 + random.below(20)));
    return lines.join('\n');
  },
};
