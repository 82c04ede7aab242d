import { Refusal } from '@foldline/kernel';

/** Of one attempt: files and bytes in all, test cases in all, and how deep and how wide one file may be. */
export const REPORT_LIMITS = {
  files: 1000,
  fileBytes: 20 * 1024 * 1024,
  bytes: 100 * 1024 * 1024,
  cases: 50_000,
  depth: 64,
  attributes: 100,
  values: 1_000_000,
} as const;

/** Letters of a name that are kept. */
const NAME_LENGTH = 300;

/** Why a report is not read; what it says is no part of it, for that may be a secret. */
export const unreadable = (why: string): Refusal => new Refusal('unreadable_report', why);

/**
 * A name as it may be recorded and shown: without masked values, on one line, and not longer than anybody reads. What is
 * hidden is found before anything is cut off.
 */
export const shownName = (text: string, hide: (text: string) => string): string =>
  hide(text)
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim()
    .slice(0, NAME_LENGTH)
    .replaceAll(/\p{Cs}/gu, '\uFFFD');
