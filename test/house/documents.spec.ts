import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { OWNER, SERVICES } from '@foldline/contracts';
import { SETTINGS } from '@foldline/host';
import { tagRows } from '../../scripts/boundaries.mjs';
import { settingsRows } from '../../scripts/settings-rows.mjs';
import { filesUnder, root } from '../../scripts/workspace.mjs';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Cells of the rows of the table whose header begins with this word. */
const tableIn = (path: string, firstHeader: string): string[][] => {
  const lines = read(path).split('\n');
  const header = lines.findIndex((line) => new RegExp(String.raw`^\| ${firstHeader}\b`).test(line));
  const rows = lines.slice(header + 2);
  const end = rows.findIndex((line) => !line.startsWith('|'));
  return rows.slice(0, end).map((row) =>
    row
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
};

const LISTED = /`([^`\n]+)`/g;
const OUR_PATH = /^(?:apps|libs|scripts|docs|test|bench|infra|\.ci)\/[^\s*<>…{}]+$/;
const LINK = /\]\((?!https?:|#)([^)#\s]+)/g;

/** Files and folders that a document names in code style or links to. */
const pathsIn = (path: string): string[] => {
  const text = read(path);
  const folder = join(path, '..');
  return [
    ...[...text.matchAll(LISTED)].map((match) => match[1]!).filter((name) => OUR_PATH.test(name)),
    ...[...text.matchAll(LINK)].map((match) => join(folder, match[1]!)),
  ];
};

const documents = [
  ...['README.md', 'CONTRIBUTING.md'].filter((path) => existsSync(join(root, path))),
  ...filesUnder('docs').filter((path) => path.endsWith('.md')),
];

describe('the documents', () => {
  it.each(documents)('%s names only files that exist', (path) => {
    expect(pathsIn(path).filter((name) => !existsSync(join(root, name)))).toEqual([]);
  });

  it('CONTRIBUTING.md has the table of the boundary rules', () => {
    expect(tableIn('CONTRIBUTING.md', 'Tag')).toEqual(tagRows());
  });

  it('docs/running.md has every setting with its default and meaning', () => {
    expect(tableIn('docs/running.md', 'Setting')).toEqual(settingsRows(SETTINGS));
  });

  it('docs/architecture.md has every service with the streams it owns', () => {
    const owned = (service: string): string =>
      Object.entries(OWNER)
        .filter(([, owner]) => owner === service)
        .map(([category]) => `\`${category}\``)
        .join(', ');
    expect(tableIn('docs/architecture.md', 'Service').map(([service, streams]) => [service, streams])).toEqual(
      SERVICES.map((service) => [`\`${service}\``, owned(service)]),
    );
  });

  it('every decision has its four parts and a number of its own', () => {
    const decisions = filesUnder('docs/adr');
    expect(decisions.map((path) => path.replace(/^.*\/(\d{4})-.*$/, '$1'))).toEqual(
      decisions.map((_, index) => String(index + 1).padStart(4, '0')),
    );
    for (const path of decisions) {
      expect([path, read(path).match(/^## .*$/gm)]).toEqual([
        path,
        ['## Status', '## Context', '## Decision', '## Consequences'],
      ]);
    }
  });
});
