/** Middle value of a list of numbers; `p` picks another place, 0…1. */
export const percentile = (values, p = 0.5) => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))];
};

const rows = [];

/** Prints one figure beside its limit and keeps it for the summary. `met` is left out where there is no limit. */
export const figure = (name, value, limit, met) => {
  rows.push({ name, value, limit, met });
  const mark = met === undefined ? ' ' : met ? '✔' : '✖';
  console.log(`${mark} ${name.padEnd(66)} ${String(value).padStart(16)}   ${limit ?? ''}`);
};

export const summary = () => {
  const missed = rows.filter(({ met }) => met === false);
  console.log(
    `\n${rows.length} figures, ${missed.length} past their limit${missed.length ? `: ${missed.map(({ name }) => name).join('; ')}` : ''}`,
  );
  return missed.length;
};

export const ms = (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(1)} ms`;
