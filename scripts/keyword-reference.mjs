// The reference of the pipeline language as a page, from the table by which the compiler reads files.
import { stringify } from 'yaml';
import { typeOf } from './keyword-type.mjs';

const FENCE = '```';

/** Markdown, not laid out. */
export const keywordReference = (keywords) => {
  const told = keywords.filter(isToldOnce);
  const [file, jobs] = ['file', 'job'].map((of) => told.filter((keyword) => keyword.of === of));
  const ofJobs = sectionsOf(jobs).toSorted(([a], [b]) => nameOf(a).localeCompare(nameOf(b)));
  const atTheTop = sectionsOf(file);
  const shared = atTheTop.filter(([{ path }]) =>
    ofJobs.some(
      ([
        {
          path: [name],
        },
      ]) => name === path[0],
    ),
  );
  const ofFiles = atTheTop.filter((section) => !shared.includes(section));
  const names = (sections) => sections.map(([keyword]) => `[\`${nameOf(keyword)}\`](#${nameOf(keyword)})`).join(', ');
  return [
    INTRODUCTION,
    `## What works\n\n${countsOf([...ofFiles, ...ofJobs].flat())}`,
    `### At the top of the file\n\n${supportTable(ofFiles.flat())}`,
    `${names(shared)} may also stand here; there they are as in jobs.`,
    `### In a job\n\n${supportTable(ofJobs.flat())}`,
    '## The top of the file',
    ...ofFiles.map((section) => sectionOf(section, keywords)),
    '## Jobs',
    ...ofJobs.map((section) => sectionOf(section, keywords)),
    '',
  ].join('\n\n');
};

const INTRODUCTION = `# The keywords, one by one

Every keyword of \`.codara-ci.yml\`: what may stand behind it, what it is when it is not written, and whether it works. What keywords are for, and how they work together, is told in [The pipeline language](pipeline.md).

This page is made from the table by which files are read (\`npm run language-docs\`), as the [schema for editors](pipeline.md#editors) is. Each example is compiled by a test, beside a job \`build\`, a template \`.template\` and a file \`ci/build.yml\`. In \`artifacts.paths\` the dot leads to a key below; \`NAME\` stands for a name of yours. Durations and reasons are those of [Retries and time](pipeline.md#retries-and-time), sizes those of [Runners](pipeline.md#runners).`;

/** What stands in `default` is what it is in jobs. */
const isToldOnce = ({ path }) => path[0] !== 'default' || path.length === 1;

const isBelow = ({ of, path }, parent) =>
  of === parent.of && path.length > parent.path.length && parent.path.every((name, index) => name === path[index]);
/** What is below a keyword that is planned only goes without saying. */
const isPlannedWhole = (keyword, keywords) =>
  keywords.some((other) => other.support.kind === 'planned' && isBelow(keyword, other));

const nameOf = ({ path }) => path[0];

/** Each keyword with those below it. */
const sectionsOf = (keywords) =>
  keywords
    .filter(({ path }) => path.length === 1)
    .map((keyword) => [keyword, ...keywords.filter((other) => isBelow(other, keyword))]);

const countsOf = (keywords) => {
  const count = (kind) =>
    keywords.filter((keyword) => keyword.support.kind === kind && !isPlannedWhole(keyword, keywords)).length;
  return `Of the keywords of GitLab, and those that Foldline adds (\`cluster\`, \`matrix\`, \`priority\`, \`resources\`), with the keys below them, ${count('works')} work, ${count('partly')} work in part, ${count('planned')} are planned only and ${count('refused')} are not supported. A keyword that is planned only is checked and kept in the plan, with a warning: the job runs without it, or it fails instead where that is said. One that is not supported refuses the file.`;
};

const supportTable = (keywords) =>
  table(
    ['Keyword', 'Support', 'Why not'],
    keywords
      .filter((keyword) => !isPlannedWhole(keyword, keywords))
      .map(({ path, support }) => [
        path.length === 1 ? `[\`${path[0]}\`](#${path[0]})` : `\`${path.join('.')}\``,
        SUPPORT[support.kind],
        whyNot(support),
      ]),
  );

const SUPPORT = { works: 'works', partly: 'in part', planned: 'planned only', refused: 'not supported' };
const whyNot = ({ why = '', stops }) => (stops ? `${why}; the job fails` : why);

const sectionOf = ([keyword, ...below], keywords) => {
  const { told, support } = keyword;
  return [
    `### \`${nameOf(keyword)}\``,
    ...(told ? [`${told.description}${keysOf(told)}`] : []),
    ...(support.kind === 'works' ? [] : [gapOf(keyword)]),
    ...(told ? [`Type: ${typeOf(told.schema)}.${defaultOf(told)}${placesOf(keyword, keywords)}`, exampleOf(told)] : []),
    ...(below.length > 0 ? [keyTable(keyword, below)] : []),
  ].join('\n\n');
};

/** What does not work of it; nothing where it works. */
const gapOf = ({ support }) =>
  support.kind === 'works' ? '' : `**${capital(SUPPORT[support.kind])}:** ${whyNot(support)}.`;
const capital = (text) => text[0].toUpperCase() + text.slice(1);
const defaultOf = (told) => (told.default === undefined ? '' : ` Default: ${code(told.default)}.`);
const keysOf = ({ keysOf: place }) => (place ? ` Its keys are those of [\`${place.join('.')}\`](#${place[0]}).` : '');

const placesOf = ({ of, path: [name] }, keywords) => {
  if (of === 'file') return name === 'default' ? ` It may have ${defaultsOf(keywords)}.` : '';
  const places = [
    ...(keywords.some(({ path }) => path.join() === `default,${name}`) ? ['in `default`'] : []),
    ...(keywords.some(({ of, path }) => of === 'file' && path.join() === name) ? ['at the top of the file'] : []),
  ];
  return places.length === 0 ? '' : ` Also ${places.join(' and ')}.`;
};

const defaultsOf = (keywords) =>
  keywords
    .filter(({ path }) => path[0] === 'default' && path.length === 2)
    .map(({ path: [, name] }) => `[\`${name}\`](#${name})`)
    .join(', ');

const yamlOf = (value) => stringify(value, { lineWidth: 0, singleQuote: true });
/** What a file asks for stands in a document of its own before it. */
const exampleOf = ({ file: { spec, ...file } }) =>
  `${FENCE}yaml\n${spec ? `${yamlOf({ spec })}---\n` : ''}${yamlOf(file)}${FENCE}`;

const keyTable = (keyword, below) =>
  table(
    ['Key', 'Type', 'Default', 'Meaning', 'Example'],
    below.map((key) => {
      const name = `\`${key.path.slice(keyword.path.length).join('.')}\``;
      const gap = isPlannedWhole(key, [keyword, ...below]) ? '' : gapOf(key);
      if (!key.told) return [name, '', '', gap, ''];
      const { description, schema, default: standard, example } = key.told;
      return [
        name,
        typeOf(schema),
        standard === undefined ? '' : code(standard),
        [`${description}${keysOf(key.told)}`, gap].join(' ').trim(),
        code({ [key.path.at(-1)]: example }),
      ];
    }),
  );

/** A value as YAML in one line. */
const code = (value) => {
  const text = stringify(value, {
    collectionStyle: 'flow',
    lineWidth: 0,
    singleQuote: true,
    flowCollectionPadding: false,
  }).trim();
  return `\`${isMap(value) ? text.replace(/^\{([^]*)\}$/, '$1') : text}\``;
};
const isMap = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

const table = (header, rows) =>
  [header, header.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
const cell = (text) => text.replaceAll('|', '\\|');
