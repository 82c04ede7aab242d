export const readModelsName: (projections?: string) => Promise<string>;
