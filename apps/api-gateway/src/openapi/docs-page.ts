/** Nothing may be loaded or run but what the page itself holds under this nonce. */
export const docsPolicy = (nonce: string): string =>
  `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

const STYLE = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1c2024; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #e8eaed; background: #16181a; } pre { background: #22262a; } }
details { border-bottom: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
code.method { display: inline-block; min-width: 4.5rem; font-weight: 700; }
pre { background: #f2f4f6; padding: .75rem; overflow: auto; }
`;

// Text nodes only: nothing of the document is ever read as markup.
const SCRIPT = `
const main = document.querySelector('main');
const el = (name, text, className) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
};
const show = (path, method, operation) => {
  const details = el('details');
  const summary = el('summary');
  summary.append(el('code', method.toUpperCase(), 'method'), el('code', path), el('span', ' ' + operation.summary));
  details.append(summary);
  const { parameters, requestBody, responses, security } = operation;
  details.append(el('pre', JSON.stringify({ security, parameters, requestBody, responses }, null, 2)));
  return details;
};
const response = await fetch('/api/openapi.json');
const document_ = await response.json();
document.querySelector('h1').textContent = document_.info.title + ' ' + document_.info.version;
for (const [path, operations] of Object.entries(document_.paths))
  for (const [method, operation] of Object.entries(operations)) main.append(show(path, method, operation));
`;

/** A page that shows the API document, with nothing from anywhere else. */
export const docsPage = (nonce: string): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Foldline API</title>
<style nonce="${nonce}">${STYLE}</style>
<h1>Foldline API</h1>
<p>The same as a document: <a href="/api/openapi.json">/api/openapi.json</a> (OpenAPI 3.1). Every call but the ones marked
public needs <code>Authorization: Bearer &lt;token&gt;</code>.</p>
<main></main>
<script type="module" nonce="${nonce}">${SCRIPT}</script>
</html>
`;
