const PRICES = { bread: 320, roll: 60, cake: 1450 };
const stock = new Map([
  ['bread', 12],
  ['roll', 80],
  ['cake', 1],
]);

export const priceOf = (article) => PRICES[article];
export const totalOf = (cart) => cart.reduce((sum, { article, count }) => sum + priceOf(article) * count, 0);
export const inStock = (article, count) => (stock.get(article) ?? 0) >= count;
