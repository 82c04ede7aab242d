import { isDeepStrictEqual } from 'node:util';
import { compile, lint, problemCodes } from '@foldline/pipeline-language';
import { SECRET } from './cases.mjs';

const CODES = new Set(problemCodes);
const MOST_JOBS = 10_000;
const isPlace = ({ line, column }) => Number.isInteger(line) && line >= 1 && Number.isInteger(column) && column >= 1;
const isShowable = (text) => typeof text === 'string' && text !== '' && !/\p{Cc}/u.test(text) && text.isWellFormed();

const lineCountOf = ({ text, sources }, file) =>
  (file === '.codara-ci.yml' ? text : (sources.files[file] ?? '')).split(/\r\n?|\n/).length;

const wrongOfProblem = (problem, input) => {
  const { code, severity, message, hint, file, line } = problem;
  if (!CODES.has(code)) return `has the unknown code ${code}`;
  if (!['error', 'warning', 'info'].includes(severity)) return `has the severity ${severity}`;
  if (!isShowable(message)) return `has the message ${JSON.stringify(message)}`;
  if (!isShowable(hint)) return `has the hint ${JSON.stringify(hint)}`;
  if (!isShowable(file)) return `has the file ${JSON.stringify(file)}`;
  if (!isPlace(problem)) return `is nowhere: ${line}:${problem.column}`;
  if (line > lineCountOf(input, file)) return `is behind the end of ${file}: ${line}`;
  if (problem.fix && !(isPlace(problem.fix.from) && isPlace(problem.fix.to))) return 'has a fix that is nowhere';
  return undefined;
};

const wrongsOfProblems = (problems, input) =>
  problems.flatMap((problem) => {
    const wrong = wrongOfProblem(problem, input);
    return wrong ? [`${problem.code} ${wrong}`] : [];
  });

const wrongsOfDecisions = (decisions) =>
  decisions.flatMap(({ because, rule }) =>
    isShowable(because) && isShowable(rule) ? [] : [`a decision is told as ${JSON.stringify({ rule, because })}`],
  );

const wrongsOfPlan = (plan, input) => {
  const { jobs, stages, warnings, decisions } = plan;
  const is = (fact, told) => (fact ? [] : [`the plan ${told}`]);
  const refersTo = (index) => Number.isInteger(index) && index >= 0 && index < jobs.length;
  return [
    ...is(isDeepStrictEqual(JSON.parse(JSON.stringify(plan)), plan), 'is no JSON'),
    ...is(jobs.length > 0 && jobs.length <= MOST_JOBS, `has ${jobs.length} jobs`),
    ...is(
      jobs.every(({ index }, place) => index === place),
      'counts its jobs wrongly',
    ),
    ...is(new Set(jobs.map(({ name }) => name)).size === jobs.length, 'has two jobs of one name'),
    ...is(
      jobs.every(({ stage }) => stages.includes(stage)),
      'has a job without a stage',
    ),
    ...is(
      jobs.every(({ waitsFor }) => waitsFor === 'stages' || waitsFor.every(({ job }) => refersTo(job))),
      'waits for no job',
    ),
    ...is(
      jobs.every(({ artifactsFrom: from }) => from === 'earlier-stages' || from.every(refersTo)),
      'takes from no job',
    ),
    ...is(
      jobs.every(({ timeoutSeconds, retry }) => timeoutSeconds > 0 && retry.max >= 0),
      'has a time or a retry that is none',
    ),
    ...is(
      warnings.every(({ severity }) => severity === 'warning'),
      'goes on in spite of an error',
    ),
    ...wrongsOfProblems(warnings, input),
    ...wrongsOfDecisions(decisions),
  ];
};

/** What is wrong with an answer, whatever the question was. */
export const wrongsOfAnswer = (answer, input) => {
  if ('plan' in answer) return wrongsOfPlan(answer.plan, input);
  const isRefused = answer.problems.some(({ severity }) => severity === 'error');
  return [
    ...(isRefused ? [] : ['neither a plan nor an error']),
    ...wrongsOfProblems(answer.problems, input),
    ...wrongsOfDecisions(answer.decisions),
  ];
};

const ask = (input) => ({ answer: compile(input), linted: lint(input.file, input.text, input.sources) });

/** Of the processor, which a busy machine does not make more. */
const spentMs = (since) => {
  const { user, system } = process.cpuUsage(since);
  return (user + system) / 1000;
};

/** Asks for the plan and for every problem, twice; with how long it took the first time. */
export const judge = (input) => {
  const since = process.cpuUsage();
  try {
    const first = ask(input);
    const took = spentMs(since);
    const written = JSON.stringify(first);
    const wrongs = [
      ...wrongsOfAnswer(first.answer, input),
      ...wrongsOfProblems(first.linted, input),
      ...(written.includes(SECRET) ? ['a secret is told'] : []),
      ...(JSON.stringify(ask(input)) === written ? [] : ['another answer at the second time']),
    ];
    return { took, isPlanned: 'plan' in first.answer, answer: first.answer, wrongs };
  } catch (error) {
    return { took: spentMs(since), isPlanned: false, wrongs: [`throws ${error.stack}`] };
  }
};
