export function languagePages(schema: object, keywords: readonly object[]): Promise<Record<string, string>>;
