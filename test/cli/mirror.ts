import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { openBucket } from './cluster.ts';

type Settings = Readonly<Record<string, string>>;

/** Copies every object of the bucket of these settings to a file below the directory; answers with how many. */
export const mirrorOut = async (settings: Settings, directory: string): Promise<number> => {
  const bucket = await openBucket(settings);
  const objects = await bucket.list('');
  for (const { key } of objects) {
    const file = join(directory, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, (await bucket.read(key))!.bytes);
  }
  bucket.close();
  return objects.length;
};

/** Copies every file below the directory to an object; the bucket must be empty, and is made where it is not there. */
export const mirrorIn = async (directory: string, settings: Settings): Promise<number> => {
  const bucket = await openBucket(settings);
  if ((await bucket.list('')).length > 0) throw new Error(`the bucket ${bucket.name} is not empty`);
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    await bucket.put(relative(directory, path), readFileSync(path));
  }
  bucket.close();
  return files.length;
};
