import type { RecordedEvent } from '@foldline/contracts';

const SEALED_KEYS = new Set(['sealed', 'sealedUrl']);

const withoutSealed = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutSealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, SEALED_KEYS.has(key) ? '[sealed]' : withoutSealed(inner)]),
  );
};

/** An event as the API shows it: ciphertext stays inside, whoever asks. */
export const publicEvent = (event: RecordedEvent): RecordedEvent => ({ ...event, data: withoutSealed(event.data) });
