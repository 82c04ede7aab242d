import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROBLEMS } from '../http/problem-codes.ts';
import { DEPLOYMENT_FAILURES } from './deployment-failures.ts';
import { FAILURE_REASONS } from './failure-reasons.ts';

/** `page` is the whole text in Markdown, where there is one. */
export type ProblemPage = {
  code: string;
  about: 'answer' | 'definition' | 'job' | 'deployment';
  title: string;
  fix: string;
  status?: number;
  page?: string;
};

const DOCUMENTS = 'docs/problems';
/** Sources, built files and bundles lie at different depths of the same tree. */
const LEVELS = 6;

const findDocuments = (): string | undefined => {
  let at = dirname(fileURLToPath(import.meta.url));
  for (let level = 0; level < LEVELS; level += 1, at = dirname(at))
    if (existsSync(join(at, DOCUMENTS))) return join(at, DOCUMENTS);
  return undefined;
};

const FIX = '## How to mend it';

const ofDefinition = (code: string, page: string): ProblemPage => ({
  code,
  about: 'definition',
  title: page.split('\n\n')[1]?.trim() ?? code,
  fix: page.slice(page.indexOf(FIX) + FIX.length).trim(),
  page,
});

/** Every code that an answer, a definition's problem, a failed job or a failed deployment may carry, with what to do about it. */
export const problemPages = (): ReadonlyMap<string, ProblemPage> => {
  const documents = findDocuments();
  const names = documents === undefined ? [] : readdirSync(documents).filter((name) => /^[a-z-]+\.md$/.test(name));
  return new Map(
    [
      ...Object.entries(PROBLEMS).map(([code, kind]): ProblemPage => ({ code, about: 'answer', ...kind })),
      ...Object.entries(FAILURE_REASONS).map(([code, told]): ProblemPage => ({ code, about: 'job', ...told })),
      ...Object.entries(DEPLOYMENT_FAILURES).map(([code, told]): ProblemPage => ({
        code,
        about: 'deployment',
        ...told,
      })),
      ...names.map((name) => ofDefinition(name.slice(0, -'.md'.length), readFileSync(join(documents!, name), 'utf8'))),
    ].map((page) => [page.code, page]),
  );
};
