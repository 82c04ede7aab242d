/** An object with the field, or without it when there is no value: plans hold no empty fields. */
export const present = <K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } =>
  value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
