import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicFactory } from 'ulid';
import { PermanentError, type Clock, type Ids, type SecretBox, type Signals } from '@foldline/kernel';

export const systemClock: Clock = {
  now: () => new Date().toISOString(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    await sleep(ms, undefined, signal ? { signal } : {}).catch((error: unknown) => {
      if (!signal?.aborted) throw error;
    });
  },
};

export const ulidIds = (): Ids => {
  const ulid = monotonicFactory();
  return { next: () => ulid().toLowerCase() };
};

const VERSION = 'v1';
const IV_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;

/** AES-256-GCM under one key of the instance; the context is authenticated with the value. Further keys by HKDF (RFC 5869). */
export const aesSecretBox = (key: Buffer): SecretBox => ({
  seal: (clear, context) => {
    const iv = randomBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(context));
    const sealed = Buffer.concat([iv, cipher.update(clear, 'utf8'), cipher.final()]);
    return `${VERSION}.${Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64url')}`;
  },
  open: (sealed, context) => {
    const [version, body = ''] = sealed.split('.');
    const bytes = Buffer.from(body, 'base64url');
    if (version !== VERSION || bytes.length < IV_BYTES + TAG_BYTES)
      throw new PermanentError('this is not a sealed value');
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, IV_BYTES));
    decipher.setAAD(Buffer.from(context)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch (cause) {
      throw new PermanentError(`a sealed value does not open for ${context}`, { cause });
    }
  },
  keyFor: (purpose) => Buffer.from(hkdfSync('sha256', key, '', purpose, KEY_BYTES)),
});

/** Signals within one process. */
export const localSignals = (): Signals => {
  const listeners = new Map<string, Set<(message: unknown) => void>>();
  return {
    send: async (topic, message) => {
      for (const listener of listeners.get(topic) ?? []) listener(message);
    },
    listen: (topic, listener) => {
      const all = listeners.get(topic) ?? new Set();
      listeners.set(topic, all.add(listener));
      return () => void all.delete(listener);
    },
  };
};
