import { z } from 'zod';
import { allowedHost, type AllowedHost } from '@foldline/kernel';

export const GIB = 1024 ** 3;
/** Memory and disks are given in gibibytes, which may be fractions. */
export const bytesIn = (gib: number): number => Math.round(gib * GIB);

type Bounds = {
  least?: number;
  most?: number;
  /** Instead of `least`: the number itself is too little. */
  above?: number;
};

/** A whole number, and in words what is allowed where it is none or out of bounds. */
export const wholeNumber = (bounds: Bounds) =>
  numeric(`must be a whole number${inWords(bounds)}`, bounds, (value) => Number.isSafeInteger(value));

/** The same for a number that may have a fraction. */
export const number = (bounds: Bounds) =>
  numeric(`must be a number${inWords(bounds)}`, bounds, (value) => Number.isFinite(value));

const numeric = (allowed: string, bounds: Bounds, isOne: (value: number) => boolean) =>
  z.string().transform((text, context): number => {
    // Nothing would be 0, which has a meaning of its own for some.
    const value = text.trim() === '' ? Number.NaN : Number(text);
    if (isOne(value) && isWithin(value, bounds)) return value;
    context.addIssue(allowed);
    return z.NEVER;
  });

const isWithin = (value: number, { least = -Infinity, most = Infinity, above = -Infinity }: Bounds): boolean =>
  value >= least && value <= most && value > above;

const inWords = ({ least, most, above }: Bounds): string => {
  if (least !== undefined && most !== undefined) return ` from ${least} to ${most}`;
  if (above !== undefined) return ` above ${above}`;
  return least === undefined ? '' : ` of at least ${least}`;
};

export const oneOf = <const Names extends readonly string[]>(names: Names) =>
  z.enum(names, { error: `must be ${names.slice(0, -1).join(', ')} or ${names.at(-1)!}` });

export const flag = oneOf(['true', 'false']).transform((value) => value === 'true');

export const anyText = z.string().min(1, 'must not be empty');

/** An address of the web without what is nobody's business; without a slash at its end. */
export const webAddress = z.string().transform((text, context): string => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isPlain =
    url && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (isPlain) return url.href.replace(/\/+$/, '');
  context.addIssue('must be an http or https URL without credentials and query');
  return z.NEVER;
});

export const NO_DOCKER = 'none';

/** A socket of this host: what is mounted into containers lies on it. */
export const dockerAddress = z.string().transform((text, context): string => {
  if (text === NO_DOCKER || /^unix:\/\/\/[^\0?#]+$/.test(text)) return text;
  context.addIssue(
    `must be the socket of a Docker daemon, for example "unix:///var/run/docker.sock", or "${NO_DOCKER}"`,
  );
  return z.NEVER;
});

const IMAGE = /^[a-z0-9][\w.:/@-]{0,254}$/i;
/** Names of images. */
export const images = z.string().transform((text, context): string[] => {
  const found = text.split(',').map((part) => part.trim());
  if (found.every((image) => IMAGE.test(image))) return [...new Set(found)];
  context.addIssue('must be a list of images, for example "node:22,registry.example.com/ci/python:3.13"');
  return z.NEVER;
});

/** Those that are allowed for something. */
export const hosts = z.string().transform((text, context): AllowedHost[] => {
  const found = text.split(',').map((part) => allowedHost(part.trim()));
  if (found.every((host) => host !== undefined)) return found;
  context.addIssue('must be a list of hosts, for example "example.com,*.example.com,http://mirror.corp:8080"');
  return z.NEVER;
});
