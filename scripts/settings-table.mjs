// Prints the rows of docs/running.md's table of settings: `node scripts/settings-table.mjs`, after a build.
import { SETTINGS } from '@foldline/host';
import { settingsRows } from './settings-rows.mjs';

for (const row of settingsRows(SETTINGS)) console.log(`| ${row.join(' | ')} |`);
