type Setting = { description?: string | undefined; safeParse(value: unknown): { success: boolean; data?: unknown } };
export function settingsRows(settings: Readonly<Record<string, Setting>>): string[][];
