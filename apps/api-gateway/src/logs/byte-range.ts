const RANGE = /^bytes=(\d{0,15})-(\d{0,15})$/;

/**
 * One range of bytes as RFC 9110 section 14 has it; `end` is exclusive. Anything else than one range of bytes is
 * ignored, as the RFC allows.
 */
export const byteRange = (
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined => {
  const [, first = '', last = ''] = RANGE.exec(header ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  if (first === '')
    return Number(last) === 0 || size === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(last)), end: size };
  const start = Number(first);
  if (start >= size) return 'unsatisfiable';
  const end = last === '' ? size : Math.min(size, Number(last) + 1);
  return end > start ? { start, end } : undefined;
};
