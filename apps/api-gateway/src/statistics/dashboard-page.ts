export const SCRIPT_PATH = '/dashboard/script.js';
export const STYLE_PATH = '/dashboard/style.css';

/** Nothing may be loaded, run or asked but from this server, and nothing that stands in the page itself. */
export const DASHBOARD_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; " +
  "frame-ancestors 'none'; require-trusted-types-for 'script'";

/** The figures of `GET /metrics`, by their names there, and what they are called. */
const CARDS: readonly (readonly [figure: string, name: string, unit: string])[] = [
  ['totalJobs', 'Total jobs', 'count'],
  ['successRate', 'Success rate', 'percent'],
  ['avgDuration', 'Average duration', 'ms'],
  ['cacheHitRate', 'Cache hit rate', 'percent'],
  ['duration.p50Ms', 'Median duration', 'ms'],
  ['duration.p95Ms', '95th percentile', 'ms'],
  ['queueTime.p95Ms', 'Wait, 95th percentile', 'ms'],
  ['queue.waiting', 'Waiting now', 'count'],
];

const card = ([figure, name, unit]: (typeof CARDS)[number]): string =>
  `<div class="card"><dt>${name}</dt><dd><data data-figure="${figure}" data-unit="${unit}" value="">–</data></dd></div>`;

const RANGES = ['hour', 'day', 'week', 'month'];
const option = (range: string): string => `<option${range === 'day' ? ' selected' : ''}>${range}</option>`;

/** The page holds no figures and no secret: its script asks for both. */
export const dashboardPage = (): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Foldline dashboard</title>
<link rel="stylesheet" href="${STYLE_PATH}">
<script type="module" src="${SCRIPT_PATH}"></script>
</head>
<body>
<header>
<h1>Foldline</h1>
<label>Range <select id="range">${RANGES.map(option).join('')}</select></label>
<button id="leave" type="button" hidden>Forget the token</button>
</header>
<p id="state" role="status">This page needs JavaScript.</p>
<p id="time"></p>
<form id="entry" hidden>
<label>Token <input id="token" type="password" autocomplete="off" spellcheck="false" required></label>
<button type="submit">Show</button>
<p>It stays in this tab until the tab is closed.</p>
</form>
<main id="figures" hidden>
<dl class="cards">
${CARDS.map(card).join('\n')}
</dl>
<section>
<h2>Jobs by hour</h2>
<svg id="chart" role="img" aria-label="Jobs that ended in each hour" viewBox="0 0 1000 160" preserveAspectRatio="none"></svg>
<p class="legend"><span class="good">success</span> <span class="bad">failed</span> <span class="other">cancelled</span></p>
</section>
<section>
<h2>Alerts</h2>
<ul id="alerts"></ul>
</section>
<section>
<h2>Projects</h2>
<table>
<thead><tr><th scope="col">Project</th><th scope="col">Jobs</th><th scope="col">Success</th><th scope="col">Average</th><th scope="col">95th percentile</th><th scope="col">Flaky</th></tr></thead>
<tbody id="projects"></tbody>
</table>
</section>
</main>
</body>
</html>
`;
