/** The value below which this part of the list lies; 0 of an empty one. */
export const percentile = (list, part) =>
  list.toSorted((a, b) => a - b)[Math.min(list.length - 1, Math.floor(part * list.length))] ?? 0;
