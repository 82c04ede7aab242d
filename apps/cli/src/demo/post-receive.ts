import { createHmac, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';

/**
 * A git hook: git starts it in the bare repository and writes `old new ref` lines to its input. Each becomes a push
 * delivery in the form that GitHub sends, signed with the shared secret.
 */
type Settings = { url: string; secret: string; fullName: string };
const settings = JSON.parse(readFileSync('foldline-hook.json', 'utf8')) as Settings;
const [owner, name] = settings.fullName.split('/');

for (const line of readFileSync(0, 'utf8').trim().split('\n')) {
  const [before, after, ref] = line.split(' ');
  const body = JSON.stringify({
    ref,
    before,
    after,
    deleted: /^0+$/.test(after ?? ''),
    repository: { name, full_name: settings.fullName, owner: { login: owner }, clone_url: process.cwd() },
    pusher: { name: 'demo' },
  });
  const response = await fetch(settings.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      'x-github-event': 'push',
      'x-github-delivery': randomUUID(),
      'x-hub-signature-256': `sha256=${createHmac('sha256', settings.secret).update(body).digest('hex')}`,
    },
    body,
  });
  process.stderr.write(`Foldline: ${response.status} ${await response.text()}\n`);
}
