export const root: string;
export function projectFolders(): string[];
export function filesUnder(folder: string): string[];
