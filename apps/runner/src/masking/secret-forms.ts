/** Shorter values would hide half of every log; the API refuses masked values of less than eight characters anyway. */
const SHORTEST_SECRET = 4;
const SHORTEST_LINE = 6;
const LINE_WIDTHS = [64, 76];

/**
 * The forms in which a secret may turn up in output: as it is, line by line, escaped for the usual languages, in hex and
 * in base64 at each of the three places where it may begin in what was encoded. Masking is a net, not a boundary: a job
 * that means to leak a value can always find another form.
 */
export const formsOf = (secret: string): Set<string> => {
  const forms = new Set<string>();
  if (secret.length < SHORTEST_SECRET) return forms;
  const parts = [secret, secret.trimEnd(), ...secret.split(/\r?\n/).filter((line) => line.length >= SHORTEST_LINE)];
  for (const part of parts) for (const form of encodings(part)) forms.add(form);
  for (const form of encodings(secret.replaceAll(/\r?\n/g, '\r\n'))) forms.add(form);
  for (const form of encodings(secret.replaceAll('\r\n', '\n'))) forms.add(form);
  return new Set([...forms].filter((form) => form.length >= SHORTEST_SECRET));
};

const encodings = (text: string): string[] => {
  const bytes = Buffer.from(text);
  const hex = bytes.toString('hex');
  const json = JSON.stringify(text).slice(1, -1);
  const uri = encodeURIComponent(bytes.toString('utf8'));
  return [
    text,
    json,
    json.replaceAll('/', '\\/'),
    uri,
    uri.replaceAll('%20', '+'),
    escapeHtml(text),
    `'${text.replaceAll("'", `'\\''`)}'`.slice(1, -1),
    text.replaceAll(/[\\"$`]/g, String.raw`\$&`),
    hex,
    hex.toUpperCase(),
    ...base64Forms(bytes),
  ];
};

const escapeHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');

/** What of the encoded text depends on the secret alone, wherever in the encoded bytes it begins. */
const base64Forms = (bytes: Buffer): string[] =>
  [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString('base64')
      .replaceAll('=', '');
    const start = before === 0 ? 0 : before + 1;
    const tail = (before + bytes.length) % 3 === 0 ? 0 : 1;
    const core = encoded.slice(start, encoded.length - tail);
    const urlSafe = core.replaceAll('+', '-').replaceAll('/', '_');
    const wrapped =
      before === 0 ? LINE_WIDTHS.map((width) => core.replaceAll(new RegExp(`.{${width}}`, 'g'), '$&\n')) : [];
    return [core, urlSafe, ...wrapped];
  });
