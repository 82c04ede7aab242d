import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { JunitReader, type TestCase } from './junit.ts';
import { REPORT_LIMITS } from './report-limits.ts';

const readBytes = (chunks: Iterable<Uint8Array>, most: number = REPORT_LIMITS.cases): TestCase[] => {
  const reader = new JunitReader(most, (name) => name);
  for (const chunk of chunks) reader.push(chunk);
  return reader.end();
};
const read = (xml: string, most?: number): TestCase[] => readBytes([Buffer.from(xml)], most);
const lines = (xml: string): string[] =>
  read(xml).map(({ suite, name, outcome, durationMs }) => `${suite} > ${name}: ${outcome}, ${durationMs} ms`);
const suiteOf = (cases: string): string => `<testsuite name="s">${cases}</testsuite>`;

describe('A JUnit report', () => {
  it('is its cases, with how each ended and how long it took', () =>
    expect(
      lines(
        `<?xml version="1.0" encoding="UTF-8"?>
         <testsuites><testsuite name="math"><properties><property name="a" value="b"/></properties>
           <testcase classname="Add" name="adds" time="0.25"/>
           <testcase classname="Add" name="carries" time="1"><failure message="m">text</failure></testcase>
           <testcase name="breaks" time="0"><error/><system-out>x</system-out></testcase>
           <testcase name="later"><skipped/></testcase>
         </testsuite></testsuites>`,
      ),
    ).toEqual([
      'Add > adds: passed, 250 ms',
      'Add > carries: failed, 1000 ms',
      'math > breaks: errored, 0 ms',
      'math > later: skipped, 0 ms',
    ]));

  it('may be one suite, or suites in suites, of which the closest counts', () =>
    expect(
      lines('<testsuite name="a"><testsuite name="b"><testcase name="x"/></testsuite><testcase name="y"/></testsuite>'),
    ).toEqual(['b > x: passed, 0 ms', 'a > y: passed, 0 ms']));

  it('takes as skipped what says that it was not carried out', () =>
    expect(read(suiteOf('<testcase name="x" status="notrun"/><testcase name="y" status="run"/>'))).toMatchObject([
      { outcome: 'skipped' },
      { outcome: 'passed' },
    ]));

  it.each([
    ['1,234.5', 1_234_500],
    ['-3', 0],
    ['soon', 0],
    ['NaN', 0],
    ['1e99', 7 * 24 * 60 * 60_000],
  ])('with the time %s took %d ms', (time, durationMs) =>
    expect(read(suiteOf(`<testcase name="x" time="${time}"/>`))).toMatchObject([{ durationMs }]),
  );

  it('keeps its characters, however they are written', () =>
    expect(read(suiteOf('<testcase name="&lt;b&gt; &#x1F600; é"/>'))).toMatchObject([{ name: '<b> 😀 é' }]));

  it('is the same however it comes in pieces', () =>
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (sizes) => {
        const bytes = Buffer.from(suiteOf('<testcase name="é😀"><failure>ü</failure></testcase><testcase name="b"/>'));
        const pieces: Uint8Array[] = [];
        for (let at = 0, n = 0; at < bytes.length; n += 1)
          pieces.push(bytes.subarray(at, (at += sizes[n % sizes.length]!)));
        expect(readBytes(pieces)).toEqual(readBytes([bytes]));
      }),
    ));

  it('is refused or read, and nothing else, whatever is in it', () =>
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, isInside) => {
        const text = isInside ? [Buffer.from('<testsuite>'), bytes, Buffer.from('</testsuite>')] : [bytes];
        try {
          expect(readBytes(text)).toBeInstanceOf(Array);
        } catch (error) {
          expect(error).toMatchObject({ code: 'unreadable_report' });
        }
      }),
    ));
});

describe('A JUnit report is not read', () => {
  const laughs = `<!DOCTYPE t [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>${suiteOf('<testcase name="&b;"/>')}`;
  it.each([
    ['with entities of its own', laughs, /document type/],
    ['with a document type elsewhere', '<!DOCTYPE t SYSTEM "file:///etc/passwd"><testsuite/>', /document type/],
    ['with entities that it does not declare', suiteOf('<testcase name="&nothing;"/>'), /well-formed/],
    ['when it is something else', '<html/>', /no JUnit/],
    ['when it is empty', '', /well-formed/],
    ['when it is cut off', '<testsuite><testcase name="x"/>', /well-formed/],
    ['when elements lie too deep', '<testsuite>'.repeat(65) + '</testsuite>'.repeat(65), /too deep/],
    ['with a NUL', suiteOf('<testcase name="a\0b"/>'), /well-formed/],
    [
      'with too many attributes',
      suiteOf(`<testcase ${Array.from({ length: 101 }, (_, n) => `a${n}=""`).join(' ')}/>`),
      /attributes/,
    ],
  ])('%s', (_what, xml, message) =>
    expect(() => read(xml)).toThrow(
      expect.objectContaining({ code: 'unreadable_report', message: expect.stringMatching(message) }),
    ),
  );

  it('when it is not UTF-8', () => expect(() => readBytes([Buffer.from([0x3c, 0x61, 0xff])])).toThrow(/not UTF-8/));

  it('with more cases than may be left, and then not at all', () =>
    expect(() => read(suiteOf('<testcase name="x"/>'.repeat(3)), 2)).toThrow(/test cases/));

  it('and nothing that it says is told, for that may be a secret', () =>
    expect(() => read('<testsuite><hunter2 hunter2=hunter2>')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    ));
});
