import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { MapNode } from './node.ts';
import { prescan } from './prescan.ts';
import type { Report } from './report.ts';
import { tokensOf } from './tokens.ts';
import { TreeBuilder } from './tree.ts';
import { explainYaml } from './yaml-errors.ts';

/** Reads a file's text into our own tree; answers nothing after reporting what stopped it. */
export const parse = (text: string, report: Report, file = report.file): MapNode | undefined => {
  const before = report.errors;
  const admitted = prescan(text, report);
  if (!admitted) return undefined;
  const lines = new LineCounter();
  const document = parseDocument(admitted.text, {
    lineCounter: lines,
    prettyErrors: false,
    strict: true,
    // The library compares every pair of keys; the tree builder finds duplicates in one pass.
    uniqueKeys: false,
    // Below this level the library drops a second document without a word.
    logLevel: 'error',
  });
  const placeOf = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), ...(file !== report.file && { file }) };
  };
  const quotes = document.errors.length > 0 ? quotesByEnd(admitted.text) : new Map<number, number>();
  for (const error of document.errors) reportSyntax(error, report, (offset) => placeOf(quotes.get(offset) ?? offset));
  if (document.errors.length > 0) return undefined;
  const root = new TreeBuilder({ ...admitted, original: text }, placeOf, report).build(document.contents);
  if (report.errors > before || root === undefined) return undefined;
  if (root.kind === 'map') return root;
  report.error(
    'wrong-type',
    root.at,
    'The file must be a map of jobs.',
    'Write a job as `name:` with a `script:` under it.',
  );
  return undefined;
};

const reportSyntax = (
  error: YAMLError,
  report: Report,
  placeOf: (offset: number) => { line: number; column: number },
) => {
  const { message, hint } = explainYaml(error);
  const code = error.code === 'MULTIPLE_DOCS' ? 'multiple-documents' : 'yaml-syntax';
  report.error(code, placeOf(error.pos[0]), message, hint);
};

/** An unclosed quote is found where the text ends; its author looks for where it begins. */
const quotesByEnd = (text: string): Map<number, number> => {
  const starts = new Map<number, number>();
  for (const { type, offset, source } of tokensOf(text)) {
    if (type === 'single-quoted-scalar' || type === 'double-quoted-scalar') starts.set(offset + source.length, offset);
  }
  return starts;
};
