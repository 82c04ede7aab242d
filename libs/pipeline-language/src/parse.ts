import { Composer, LineCounter, Parser, isMap, isScalar, type CST, type Document } from 'yaml';
import { dialectOf } from './dialect.ts';
import { shorten, type MapNode, type Position } from './node.ts';
import { prescan, type Admitted } from './prescan.ts';
import type { Report } from './report.ts';
import { tokensOf } from './tokens.ts';
import { TreeBuilder } from './tree.ts';
import { explainYaml } from './yaml-errors.ts';

/** A file; `header` is a document before it that says what the file asks for. */
export type Parsed = { root: MapNode; header?: MapNode };

/** Lexemes of the texts whose trees are kept with what was read of them, each some 80 bytes: 10,000 jobs have a million. */
const KEPT = 1_200_000;
const kept = new Map<string, Parsed>();
let keptLexemes = 0;

/**
 * Reads a file's text into our own tree; answers nothing after reporting what stopped it. The same texts come again and
 * again, in each round of looking for what they include and for lint and plan, so trees of faultless files are kept.
 * A text that is of no file has all of it `at` one place.
 */
export const parse = (text: string, report: Report, file = report.file, at?: Position): Parsed | undefined => {
  if (at) {
    const admitted = prescan(text, report);
    return admitted && read(text, admitted, report, file, at);
  }
  report.hasRead(file, text);
  // Places in a file that is included name it, and what is read of a tree is read in a dialect.
  const key = `${dialectOf(report.file)}\n${file === report.file ? '' : file}\n${text}`;
  const known = kept.get(key);
  if (known) return known;
  const before = report.told;
  const admitted = prescan(text, report);
  const parsed = admitted && read(text, admitted, report, file);
  if (parsed && report.told === before) keep(key, parsed, admitted.lexemes.length);
  return parsed;
};

const keep = (key: string, parsed: Parsed, lexemes: number): void => {
  if (keptLexemes + lexemes > KEPT) {
    kept.clear();
    keptLexemes = 0;
  }
  kept.set(key, parsed);
  keptLexemes += lexemes;
};

const read = (text: string, admitted: Admitted, report: Report, file: string, at?: Position): Parsed | undefined => {
  const before = report.errors;
  const lines = new LineCounter();
  const documents = documentsOf(admitted.lexemes, lines);
  const placeOf = (offset: number): Position => {
    if (at) return at;
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col), ...(file !== report.file && { file }) };
  };
  const isSplit = documents.length > 1 && isHeader(documents[0]);
  const [header, content, beyond] = isSplit ? documents : [undefined, ...documents];
  reportErrors(documents, beyond, report, admitted.lexemes, placeOf);
  if (report.errors > before) return undefined;
  const builder = (): TreeBuilder => new TreeBuilder({ ...admitted, original: text }, placeOf, report);
  const roots = [header, content].map((document) => document && builder().build(document.contents));
  const empty = builder().build(null);
  if (report.errors > before) return undefined;
  const [headerRoot, root = empty] = roots;
  if (headerRoot?.kind === 'map') reportBesideSpec(headerRoot, report);
  if (root?.kind === 'map') return { root, ...(headerRoot?.kind === 'map' && { header: headerRoot }) };
  if (!root) return undefined;
  report.error(
    'wrong-type',
    root.at,
    'The file must be a map of jobs.',
    'Write a job as `name:` with a `script:` under it.',
  );
  return undefined;
};

/** What is written there would be left out in silence. */
const reportBesideSpec = ({ entries }: MapNode, report: Report): void => {
  for (const { key, at } of entries.values()) {
    if (key === 'spec') continue;
    const message = `\`${shorten(key)}\` stands in the document of \`spec\`.`;
    report.error('unknown-keyword', at, message, 'Move it behind the `---`.');
  }
};

type ParsedDocument = Document.Parsed;

const documentsOf = (lexemes: readonly string[], lines: LineCounter): ParsedDocument[] => {
  const composer = new Composer({
    prettyErrors: false,
    strict: true,
    // The library compares every pair of keys; the tree builder finds duplicates in one pass.
    uniqueKeys: false,
    logLevel: 'error',
  });
  return [...composer.compose(partsOf(lexemes, lines))] as ParsedDocument[];
};

const partsOf = function* (lexemes: readonly string[], lines: LineCounter): Generator<CST.Token> {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  for (const lexeme of lexemes) yield* parser.next(lexeme);
  yield* parser.end();
};

/** A first document with `spec` at its top. */
const isHeader = (document: ParsedDocument | undefined): boolean =>
  isMap(document?.contents) && document.contents.items.some(({ key }) => isScalar(key) && key.value === 'spec');

const reportErrors = (
  documents: readonly ParsedDocument[],
  beyond: ParsedDocument | undefined,
  report: Report,
  lexemes: readonly string[],
  placeOf: (offset: number) => Position,
): void => {
  const errors = documents.slice(0, beyond ? documents.indexOf(beyond) : undefined).flatMap((each) => each.errors);
  const quotes = errors.length > 0 ? quotesByEnd(lexemes) : new Map<number, number>();
  const told = new Set<number>();
  for (const error of errors) {
    const { message, hint } = explainYaml(error);
    const [end] = error.pos;
    const place = placeOf(quotes.get(end) ?? end);
    // What else is wrong in one line follows from the first.
    if (!told.has(place.line)) report.error('yaml-syntax', place, message, hint);
    told.add(place.line);
  }
  if (!beyond) return;
  const message = 'A second YAML document begins here; the file must be one, behind a `spec` at most.';
  const hint = 'Remove the `---` or `...` before it, and write all jobs in one document.';
  report.error('multiple-documents', placeOf(beyond.range[0]), message, hint);
};

/** An unclosed quote is found where the text ends; its author looks for where it begins. */
const quotesByEnd = (lexemes: readonly string[]): Map<number, number> => {
  const starts = new Map<number, number>();
  for (const { type, offset, source } of tokensOf(lexemes)) {
    if (type === 'single-quoted-scalar' || type === 'double-quoted-scalar') starts.set(offset + source.length, offset);
  }
  return starts;
};
