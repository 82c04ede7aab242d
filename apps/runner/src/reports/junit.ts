import type { ReportedTest } from '@foldline/contracts';
import { Refusal } from '@foldline/kernel';
import { SaxesParser } from 'saxes';
import { REPORT_LIMITS, unreadable } from './report-limits.ts';

export type TestOutcome = 'passed' | 'failed' | 'errored' | 'skipped';
/** `durationMs` is not rounded. */
export type TestCase = ReportedTest & { outcome: TestOutcome; durationMs: number };

const LONGEST_MS = 7 * 24 * 60 * 60_000;
const SUITES: ReadonlySet<string> = new Set(['testsuites', 'testsuite']);
/** What in a case says how it ended; the first one counts. */
const OUTCOMES: ReadonlyMap<string, TestOutcome> = new Map([
  ['failure', 'failed'],
  ['error', 'errored'],
  ['skipped', 'skipped'],
]);

/** What some say of a case that was not carried out. */
const NOT_RUN: ReadonlySet<string> = new Set(['notrun', 'disabled', 'skipped', 'ignored']);

/**
 * Reads JUnit XML as it comes: the cases of all suites, however these lie in each other. A case belongs to its class, or
 * else to the suite around it. Refuses what is no such report, and what declares entities or types of its own.
 */
export class JunitReader {
  private readonly parser = new SaxesParser();
  private readonly decoder = new TextDecoder('utf-8', { fatal: true });
  private readonly cases: TestCase[] = [];
  /** Elements that are open, from the root on, and the names of the suites among them. */
  private depth = 0;
  private attributes = 0;
  private readonly suites: { depth: number; name: string }[] = [];
  private current: (TestCase & { depth: number }) | undefined;

  /** `most`: so many cases are taken; `shown`: how a name may be recorded. */
  constructor(
    private readonly most: number,
    private readonly shown: (name: string) => string,
  ) {
    this.parser.on('doctype', () => {
      throw unreadable('it declares a document type');
    });
    this.parser.on('attribute', () => {
      this.attributes += 1;
      if (this.attributes > REPORT_LIMITS.attributes) throw unreadable('an element has too many attributes');
    });
    this.parser.on('opentag', ({ name, attributes }) => this.open(name, attributes));
    this.parser.on('closetag', () => this.close());
  }

  push(bytes: Uint8Array): void {
    this.reading(() => this.parser.write(this.decoded(bytes)));
  }

  /** All cases; nothing of a report that is not whole is known. */
  end(): TestCase[] {
    this.reading(() => this.parser.write(this.decoded()).close());
    return this.cases;
  }

  private open(name: string, attributes: Readonly<Record<string, string>>): void {
    this.attributes = 0;
    this.depth += 1;
    if (this.depth > REPORT_LIMITS.depth) throw unreadable('its elements lie too deep in each other');
    if (this.depth === 1 && !SUITES.has(name)) throw unreadable('it is no JUnit report');
    if (this.current) {
      const outcome = this.depth === this.current.depth + 1 ? OUTCOMES.get(name) : undefined;
      if (outcome && this.current.outcome === 'passed') this.current.outcome = outcome;
    } else if (name === 'testsuite') {
      this.suites.push({ depth: this.depth, name: attributes['name'] ?? '' });
    } else if (name === 'testcase') {
      this.begin(attributes);
    }
  }

  private begin({ classname, name = '', time, status = '' }: Readonly<Record<string, string>>): void {
    if (this.cases.length >= this.most) throw unreadable(`there are more than ${REPORT_LIMITS.cases} test cases`);
    const suite = classname || (this.suites.at(-1)?.name ?? '');
    this.current = {
      suite: this.shown(suite),
      name: this.shown(name),
      outcome: NOT_RUN.has(status.toLowerCase()) ? 'skipped' : 'passed',
      durationMs: millisecondsOf(time),
      depth: this.depth,
    };
  }

  private close(): void {
    if (this.current?.depth === this.depth) {
      const { depth: _depth, ...ended } = this.current;
      this.cases.push(ended);
      this.current = undefined;
    }
    if (this.suites.at(-1)?.depth === this.depth) this.suites.pop();
    this.depth -= 1;
  }

  private decoded(bytes?: Uint8Array): string {
    try {
      return bytes ? this.decoder.decode(bytes, { stream: true }) : this.decoder.decode();
    } catch {
      throw unreadable('it is not UTF-8');
    }
  }

  private reading(work: () => void): void {
    const { line } = this.parser;
    try {
      work();
    } catch (error) {
      if (error instanceof Refusal) throw error;
      throw unreadable(`it is not well-formed XML (line ${Math.max(line, this.parser.line)})`);
    }
  }
}

/** Reports give seconds, some of them with commas between thousands. */
const millisecondsOf = (seconds = ''): number => {
  const ms = Number(seconds.replaceAll(',', '')) * 1000;
  return ms > 0 ? Math.min(ms, LONGEST_MS) : 0;
};
