import { cpSync, mkdirSync, writeFileSync } from 'node:fs';

mkdirSync('dist', { recursive: true });
cpSync('src/shop.mjs', 'dist/shop.mjs');
writeFileSync('dist/about.json', JSON.stringify({ commit: process.env.CI_COMMIT_SHA, greeting: process.env.GREETING }));
console.log('built dist/ from src/');
