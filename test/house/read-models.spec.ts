import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { READ_MODELS_NAME } from '@foldline/read-models';
import { readModelsName } from '../../scripts/read-models-name.mjs';
import { root } from '../../scripts/workspace.mjs';

const SOURCES = join(root, 'libs/read-models/src');

describe('the name of the read models', () => {
  let copy: string;
  beforeEach(() => {
    copy = mkdtempSync(join(tmpdir(), 'foldline-read-models-'));
    cpSync(SOURCES, copy, { recursive: true });
  });
  afterEach(() => rmSync(copy, { recursive: true }));

  const changedIn = async (file: string, from: string, to: string): Promise<string> => {
    const text = readFileSync(join(copy, file), 'utf8');
    expect(text).toContain(from);
    writeFileSync(join(copy, file), text.replace(from, to));
    return readModelsName(join(copy, 'read-models.ts'));
  };

  it('fits their code: after a change, put the name expected here into libs/read-models/src/name.ts', async () => {
    expect(READ_MODELS_NAME).toBe(await readModelsName());
  });

  it('is the same wherever the code lies, and however it is commented and laid out', async () => {
    expect(await changedIn('operations.projection.ts', 'export const', '// Why.\n\n\nexport const')).toBe(
      await readModelsName(),
    );
  });

  it.each([
    ['what an event makes of a document', 'operations.projection.ts', `status: 'lost'`, `status: 'gone'`],
    ['an index', 'operations.projection.ts', '${doc.receivedAt}/${doc.id}', '${doc.forge}/${doc.id}'],
    ['a helper', 'repository-url.ts', 'toLowerCase()', 'toUpperCase()'],
    ['the list of projections', 'read-models.ts', '  deliveriesProjection,\n];', '];'],
  ])('changes with %s', async (_what, file, from, to) => {
    expect(await changedIn(file, from, to)).not.toBe(await readModelsName());
  });
});
