import { fieldsOf, timeOf } from './wire.ts';

/** A step of a build as BuildKit tells it again whenever it changes; times in milliseconds. */
export type Vertex = {
  digest: string;
  name: string;
  cached: boolean;
  started?: number;
  completed?: number;
  error?: string;
};
export type BuildStatus = { vertices: Vertex[]; logs: { digest: string; at: number; text: Buffer }[] };

/** What BuildKit tells of a build while it goes on: `StatusResponse` of its control API, as far as people read it. */
export const readStatus = (message: Buffer): BuildStatus => {
  const status: BuildStatus = { vertices: [], logs: [] };
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === 1) status.vertices.push(vertexOf(bytes));
    if (number === 3) status.logs.push(logOf(bytes));
  }
  return status;
};

const vertexOf = (message: Buffer): Vertex => {
  const vertex: Vertex = { digest: '', name: '', cached: false };
  for (const { number, bytes, value } of fieldsOf(message)) {
    if (number === 1) vertex.digest = bytes.toString();
    if (number === 3) vertex.name = bytes.toString();
    if (number === 4) vertex.cached = value === 1;
    if (number === 5) vertex.started = timeOf(bytes);
    if (number === 6) vertex.completed = timeOf(bytes);
    if (number === 7 && bytes.length > 0) vertex.error = bytes.toString();
  }
  return vertex;
};

const logOf = (message: Buffer): BuildStatus['logs'][number] => {
  const log = { digest: '', at: 0, text: Buffer.alloc(0) as Buffer };
  for (const { number, bytes } of fieldsOf(message)) {
    if (number === 1) log.digest = bytes.toString();
    if (number === 2) log.at = timeOf(bytes);
    if (number === 4) log.text = bytes;
  }
  return log;
};
