import { REPORT_LIMITS, unreadable } from './report-limits.ts';

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
const [LIST, OBJECT, LIST_END, OBJECT_END] = [0x5b, 0x7b, 0x5d, 0x7d];

/** Parses JSON of a bounded depth and number of values: a small file could otherwise fill the memory. */
export const boundedJson = (bytes: Uint8Array): unknown => {
  measure(bytes);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch (error) {
    throw unreadable(error instanceof SyntaxError ? 'it is not JSON' : 'it is not UTF-8');
  }
};

const measure = (bytes: Uint8Array): void => {
  let depth = 0;
  let values = 1;
  let isInText = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (isInText) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) isInText = false;
    } else if (byte === QUOTE) isInText = true;
    else if (byte === COMMA) values += 1;
    else if (byte === LIST || byte === OBJECT) {
      depth += 1;
      values += 1;
    } else if (byte === LIST_END || byte === OBJECT_END) depth -= 1;
    if (depth > REPORT_LIMITS.depth) throw unreadable('its values lie too deep in each other');
    if (values > REPORT_LIMITS.values) throw unreadable(`it has more than ${REPORT_LIMITS.values} values`);
  }
};
