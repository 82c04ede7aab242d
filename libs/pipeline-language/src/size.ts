const factors: Record<string, number> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const binary: Record<string, number> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Bytes of `8GB`, `512MB`, `2G`, `4GiB` or a bare number. As everywhere outside of memory chips, a GB is 10⁹ bytes and a
 * GiB 2³⁰: a machine sold as "8 GB" then satisfies `memory: 8GB`. Answers nothing when the text is not a size.
 */
export const parseSize = (text: string): number | undefined => {
  const [, amount, unit = '', i] = /^(\d{1,12}(?:\.\d{1,3})?)\s*([kmgt]?)(i?)b?$/i.exec(text.trim()) ?? [];
  if (amount === undefined || (i !== '' && unit === '')) return undefined;
  const factor = (i === '' ? factors : binary)[unit.toLowerCase()]!;
  return Math.round(Number(amount) * factor);
};
