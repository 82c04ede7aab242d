import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const [version] = process.argv.slice(2);
mkdirSync('release', { recursive: true });
cpSync('dist', `release/shop-${version}`, { recursive: true });
writeFileSync('release/VERSION', `${version}\n`);
console.log(`release/shop-${version}: ${readFileSync('dist/about.json', 'utf8')}`);
