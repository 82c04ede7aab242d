export type Random = {
  between: (least: number, most: number) => number;
  chance: (probability: number) => boolean;
  pick: <Item>(list: readonly Item[]) => Item;
  id: () => string;
};
export const createRandom: (seed: number, purpose: string) => Random;
