export const findLeftovers: (
  directory: string,
  dataDirectory: string,
) => { processes: { pid: number; command: string }[]; directories: string[] };
