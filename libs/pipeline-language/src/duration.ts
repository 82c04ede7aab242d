const secondsOf: Record<string, number> = {};
const define = (seconds: number, ...names: string[]): void => names.forEach((name) => (secondsOf[name] = seconds));
define(1, 's', 'sec', 'secs', 'second', 'seconds');
define(60, 'm', 'min', 'mins', 'minute', 'minutes');
define(3600, 'h', 'hr', 'hrs', 'hour', 'hours');
define(86_400, 'd', 'day', 'days');
define(7 * 86_400, 'w', 'wk', 'wks', 'week', 'weeks');
define(30 * 86_400, 'mo', 'mos', 'month', 'months');
define(365 * 86_400, 'y', 'yr', 'yrs', 'year', 'years');

/**
 * Seconds of a duration as people write it: `30m`, `1h 30m`, `90 seconds`, `1 week`, `3 hrs and 4 min`; a bare number is
 * seconds. A month is 30 days and a year 365. Answers nothing when the text is not a duration.
 */
export const parseDuration = (text: string): number | undefined => {
  if (text.length > 100) return undefined;
  const trimmed = text.trim().toLowerCase();
  if (/^\d+$/.test(trimmed)) return Number(trimmed);
  const part = /(\d+(?:\.\d+)?)\s*([a-z]+)(?:\s*,\s*|\s+and\s+|\s*)/y;
  let seconds = 0;
  while (part.lastIndex < trimmed.length) {
    const [, amount, unit] = part.exec(trimmed) ?? [];
    const factor = unit === undefined || !Object.hasOwn(secondsOf, unit) ? undefined : secondsOf[unit];
    if (factor === undefined) return undefined;
    seconds += Number(amount) * factor;
  }
  return trimmed === '' ? undefined : Math.round(seconds);
};
