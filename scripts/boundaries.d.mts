export type SourceText = { path: string; text: string };
export type Violation = { file: string; line: number; rule: string; message: string };
export function checkBoundaries(workspace: { files: readonly SourceText[] }): Violation[];
export function readWorkspace(): SourceText[];
export function tagRows(): string[][];
