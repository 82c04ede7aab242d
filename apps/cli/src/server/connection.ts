import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Connection } from '@foldline/client';
import { CommandFailure, EXIT } from '../command-failure.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

export type Output = {
  /** What was asked for. */
  answer: (text: string) => void;
  /** What is said besides. */
  remark: (line: string) => void;
  json: boolean;
};

/**
 * Where the gateway is and who asks: by the same settings that a gateway beside it takes, or by its data directory.
 * Throws `CommandFailure` when they do not say it.
 */
export const connectionOf = (environment: Environment, url: string | undefined): Connection => ({
  url: urlOf(url ?? ownUrl(environment)),
  token: tokenOf(environment),
});

const urlOf = (text: string): string => {
  if (URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)) return text;
  throw new CommandFailure(EXIT.usage, `--url: must be a URL such as https://foldline.example, not ${text}`);
};

const ownUrl = ({ FOLDLINE_HOST: host = '127.0.0.1', FOLDLINE_PORT: port = '8080' }: Environment): string => {
  // What a server listens on everywhere by is no address to be asked at.
  const reached = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reached.includes(':') ? `[${reached}]` : reached}:${port}`;
};

const tokenOf = (environment: Environment): string => {
  const { FOLDLINE_ADMIN_TOKEN: given, FOLDLINE_ADMIN_TOKEN_FILE: file } = environment;
  if (given !== undefined && file !== undefined)
    throw new CommandFailure(EXIT.usage, 'FOLDLINE_ADMIN_TOKEN: is given twice, also as FOLDLINE_ADMIN_TOKEN_FILE');
  if (given !== undefined) return given;
  const kept = join(resolve(environment['FOLDLINE_DATA_DIR'] ?? '.foldline'), 'admin-token');
  if (file === undefined && !existsSync(kept))
    throw new CommandFailure(
      EXIT.usage,
      'there is no token: FOLDLINE_ADMIN_TOKEN or FOLDLINE_ADMIN_TOKEN_FILE gives it, ' +
        'or FOLDLINE_DATA_DIR names the data directory of a standalone server',
    );
  return contentOf(file ?? kept);
};

const contentOf = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new CommandFailure(EXIT.usage, `the token cannot be read: ${(error as Error).message}`);
  }
};
