const times = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const lines = (count, make) => times(count, make).join('\n');

const OPERANDS = [
  '$A',
  '$HIDDEN',
  '$CI_COMMIT_BRANCH',
  '"x"',
  "'y'",
  'null',
  'true',
  '/x/',
  '/(a|b)*c$/i',
  '$',
  '""',
  '1',
  '/\\pL{99}/',
];
const OPERATORS = ['==', '!=', '=~', '!~', '&&', '||', '&& !', '=', '(', ')'];
const condition = (random, size) =>
  times(size, () => `${random.pick(OPERANDS)} ${random.pick(OPERATORS)}`).join(' ') + ` ${random.pick(OPERANDS)}`;

const SHELL = [
  '$(',
  '`',
  '"',
  "'",
  '<<EOF',
  '${A:-',
  '((',
  'if true; then',
  '}',
  ')',
  'fi',
  '|',
  '&&',
  '\\',
  'echo $A',
];

/** Definitions that nobody would write, and that are as much work as their size allows. */
export const GENERATED = {
  brackets: (random) => `a: ${random.pick(['[', '{', '[{a: ', '- ', '? ']).repeat(1 + random.below(5_000))}`,
  indentation: (random) => lines(1 + random.below(200), (depth) => `${' '.repeat(depth)}a:`),
  'long scalar': (random) =>
    `job:\n  script: ${random.pick(['x', 'é', '\u{1F600}', '${A}', '$(', '\\']).repeat(random.below(20_000))}`,
  'long key': (random) => `${'k'.repeat(random.below(60_000))}: {script: x}`,
  'many keys': (random) => lines(random.below(6_000), (index) => `k${index}: 1`),
  'many jobs': (random) => lines(random.below(2_500), (index) => `j${index}: {script: x}`),
  'many jobs with mistakes': (random) => lines(random.below(2_000), (index) => `j${index}: {scirpt: x, stag: y}`),
  aliases: (random) => {
    const width = 1 + random.below(9);
    const more = lines(
      random.below(12),
      (index) => `.b${index}: &b${index} [${times(width, () => (index ? `*b${index - 1}` : '*a')).join(', ')}]`,
    );
    return `.a: &a [x, x]\n${more}\njob: {script: *b1}\n`;
  },
  'merge keys': (random) =>
    `.a0: &a0 {script: x}\n${lines(random.below(60), (index) => `.a${index + 1}: &a${index + 1}\n  <<: [*a${index}, *a${index}]\n  k${index}: 1`)}\njob:\n  <<: *a3\n`,
  'an alias in itself': () => 'a: &a {script: [*a]}\nb: &b [*b]\n',
  references: (random) => {
    const count = 2 + random.below(40);
    return lines(
      count,
      (index) =>
        `j${index}: {script: [!reference [j${random.below(count)}, script], !reference [j${random.below(count)}, script]]}`,
    );
  },
  'growing references': (random) =>
    `.r0: [x]\n${lines(random.below(14), (index) => `.r${index + 1}: [${times(9, () => `!reference [.r${index}]`).join(', ')}]`)}\njob: {script: !reference [.r9]}\n`,
  extends: (random) => {
    const count = 2 + random.below(300);
    return lines(
      count,
      (index) =>
        `j${index}: {extends: [j${random.below(count)}, j${random.below(index + 1)}], script: x, variables: {V${index}: $V${random.below(count)}}}`,
    );
  },
  'wide templates': (random) =>
    `.t:\n  variables:\n${lines(random.below(500), (index) => `    V${index}: x`)}\n${lines(random.below(800), (index) => `j${index}: {extends: .t, script: x}`)}`,
  needs: (random) => {
    const count = 2 + random.below(150);
    return lines(
      count,
      (index) =>
        `j${index}: {script: x, needs: [${times(random.below(60), () => `j${random.below(count)}`).join(', ')}]}`,
    );
  },
  matrix: (random) =>
    lines(
      1 + random.below(40),
      (index) =>
        `j${index}: {script: x, needs: [${index ? `j${index - 1}` : ''}], parallel: {matrix: [{A: [${times(random.below(40), String).join(', ')}], B: [${times(random.below(9), String).join(', ')}]}]}}`,
    ),
  'a huge matrix': (random) =>
    `j: {script: x, matrix: {${times(random.below(60), (index) => `V${index}: [1, 2, 3, 4, 5, 6, 7, 8, 9]`).join(', ')}}}`,
  'copies by rules': (random) =>
    `j:\n  script: x\n  parallel: {matrix: [{A: [${times(1 + random.below(199), String).join(', ')}]}]}\n  rules:\n${lines(1 + random.below(100), (index) => `    - if: $A == "${index}" || ${JSON.stringify(condition(random, 2)).slice(1, -1)}`)}`,
  conditions: (random) =>
    `j:\n  script: x\n  rules:\n${lines(1 + random.below(60), () => `    - if: '${condition(random, random.below(60)).replaceAll("'", "''")}'`)}`,
  'shared conditions': (random) =>
    `.r:\n  rules:\n${lines(100, (index) => `    - if: $A == "${index}" && ${'($B || $C) && '.repeat(random.below(12))}$D =~ /x${index}/`)}\n${lines(random.below(400), (index) => `j${index}: {extends: .r, script: x}`)}`,
  'brackets in a condition': (random) =>
    `j: {script: x, rules: [{if: "${'('.repeat(random.below(3_000))}$A${')'.repeat(random.below(3_000))}"}]}`,
  negations: (random) => `j: {script: x, rules: [{if: "${'!'.repeat(random.below(30_000))}$A"}]}`,
  patterns: (random) =>
    `j:\n  script: x\n  only:\n${lines(1 + random.below(50), (index) => `    - /${random.pick(['\\pL{900}', '(a+)+', '(x|xx)*', '[a-z]{500}', '(((((', '(?i)', '.{1000}'])}${index}$/`)}\n  coverage: '/${'a?'.repeat(random.below(500))}/'`,
  globs: (random) =>
    `j:\n  script: x\n  rules: [{exists: [${times(
      random.below(50),
      () => `"${random.pick(['**/', '*a', '{a,b}', '[!x]', '?']).repeat(1 + random.below(200))}"`,
    ).join(', ')}]}]`,
  variables: (random) => {
    const count = 1 + random.below(60);
    return `variables:\n${lines(count, (index) => `  V${index}: ${`$V${index + 1}`.repeat(1 + random.below(9))}`)}\n  V${count}: ${'x'.repeat(random.below(2_000))}\nj: {script: x, environment: $V0, rules: [{if: $V0 == $V1}]}`;
  },
  'variables of each other': () =>
    'variables: {A: $B$B, B: $A$A}\nj: {script: x, resource_group: $A, tags: [$B], rules: [{if: $A}, {if: $B =~ $A}]}',
  numbers: (random) => {
    const number = () =>
      random.pick(['9'.repeat(1 + random.below(400)), '-1', '1e309', '0x10', '0.0000001', '.5', '١', '1_000', '+1']);
    return `j: {script: x, retry: ${number()}, parallel: ${number()}, priority: ${number()}, timeout: ${number()}, resources: {cpu: ${number()}, memory: ${number()}GB}, artifacts: {paths: [a], expire_in: ${number()} days}}`;
  },
  'forbidden keys': (random) =>
    `${random.pick(['__proto__', 'constructor', 'toString', 'valueOf', 'hasOwnProperty'])}: {script: x}\nj: {script: x, needs: [${random.pick(['__proto__', 'toString', 'constructor'])}], variables: {toString: 1, hasOwnProperty: 2, valueOf: $toString}, extends: ${random.pick(['toString', '__proto__', 'valueOf'])}}`,
  inputs: (random) =>
    `spec:\n  inputs:\n${lines(random.below(120), (index) => `    i${index}: {default: "${'x'.repeat(random.below(300))}$[[ inputs.i0 ]]", options: [a], regex: /(${'a|'.repeat(random.below(99))}b)/}`)}\n    a: {default: ${'y'.repeat(random.below(9_000))}}\n---\nj: {script: "${'$[[ inputs.a ]]'.repeat(random.below(900))}"}`,
  'an include of itself': (random) =>
    `include: [${times(1 + random.below(200), () => random.pick(['.codara-ci.yml', '/.codara-ci.yml', 'ci/other.yml', '"**/*.yml"', '$A', '"ci/*.{yml,yaml}"'])).join(', ')}]\nj: {script: x}`,
  'control characters': (random) =>
    `"\\x1b[2Jj\\u0007\\u009b${random.pick(['', '\\u202e', '\\ud83d'])}": {script: x, "\\x00k": "\\x07", stage: "\\x1b]0;t\\x07", needs: ["\\x1b[31mred"], extends: "\\u0085x", only: ["/\\x1b/", "\\x1b"], environment: "\\x1b", rules: [{if: "$A == \\x1b"}]}`,
  'characters of two halves': (random) =>
    `"${'x'.repeat(random.below(70))}${'\u{1F600}'.repeat(random.below(60))}": {scirpt: "${'y'.repeat(random.below(70))}${'\u{1F600}'.repeat(40)}", stage: "${'z'.repeat(random.below(60))}${'\u{1F600}'.repeat(40)}"}`,
  shell: (random) =>
    `j:\n  script:\n${lines(1 + random.below(30), () => `    - ${JSON.stringify(times(random.below(200), () => random.pick(SHELL)).join(random.pick(['', ' ', '\n'])))}`)}`,
  'nested shell': (random) =>
    `j: {script: ${JSON.stringify(random.pick(['$(', '"$(', '${A:-', '`\\', '<(', '((']).repeat(random.below(2_000)))}}`,
  documents: (random) => lines(random.below(3_000), () => random.pick(['---', '...', 'a: 1', '%YAML 1.2'])),
  'quotes without an end': (random) =>
    lines(random.below(2_000), (index) => `k${index}: ${random.pick(['"', "'", '[', '{'])}x`),
  'coverage as people write it': (random) =>
    lines(
      random.below(800),
      (index) => `j${index}:\n  script: x\n  coverage: /Total: (\\d+) ${'#'.repeat(random.below(30))}%/`,
    ),
  noise: (random) =>
    times(random.below(4_000), () =>
      random.pick([...'ab:-[]{}&*!|>\'"#%@`,? \n\t\\$0.', 'script:', '\n  ', '\n- ']),
    ).join(''),
};
