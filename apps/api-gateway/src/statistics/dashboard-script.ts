/**
 * What the dashboard runs. The token is asked for once, stays in the tab and goes into a header, never into an address.
 * Text of others becomes text nodes alone. Every figure is shown for people, and as the API gave it in `value`.
 */
export const DASHBOARD_SCRIPT = `const TOKEN = 'foldline-token';
const EVERY_MS = 2000;
const byId = (id) => document.getElementById(id);
const [range, leave, state, time, entry, token, figures, chart, alerts, projects] =
  ['range', 'leave', 'state', 'time', 'entry', 'token', 'figures', 'chart', 'alerts', 'projects'].map(byId);

const seconds = (ms) => {
  if (ms < 1000) return Math.round(ms) + ' ms';
  if (ms < 60000) return (ms / 1000).toFixed(1) + ' s';
  const whole = Math.round(ms / 1000);
  if (whole < 3600) return Math.floor(whole / 60) + ' min ' + (whole % 60) + ' s';
  return Math.floor(whole / 3600) + ' h ' + Math.floor((whole % 3600) / 60) + ' min';
};
const UNITS = { count: (n) => n.toLocaleString('en'), percent: (n) => n.toFixed(1) + ' %', ms: seconds };
const shown = (value, unit) => (value === null || value === undefined ? '–' : UNITS[unit](value));

const show = (data, value) => {
  data.value = value === null || value === undefined ? '' : String(value);
  data.textContent = shown(value, data.dataset.unit);
};

const cell = (value, unit) => {
  const made = document.createElement('td');
  if (unit === undefined) made.textContent = value;
  else {
    const data = document.createElement('data');
    data.dataset.unit = unit;
    show(data, value);
    made.append(data);
  }
  return made;
};

const row = (project) => {
  const made = document.createElement('tr');
  made.append(
    cell(project.project ?? 'all others'),
    cell(project.totalJobs, 'count'),
    cell(project.successRate, 'percent'),
    cell(project.avgDuration, 'ms'),
    cell(project.duration.p95Ms, 'ms'),
    cell(project.flaky, 'count'),
  );
  return made;
};

const HOUR_MS = 3600000;
const bar = (kind, x, y, width, height) => {
  const made = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of Object.entries({ class: kind, x, y, width, height })) made.setAttribute(name, value);
  return made;
};
const draw = ({ from, to, series }) => {
  const start = Date.parse(from);
  const width = 1000 / Math.max(1, Math.ceil((Date.parse(to) - start) / HOUR_MS));
  const most = Math.max(1, ...series.map(({ totalJobs }) => totalJobs));
  const bars = series.flatMap(({ hour, success, failed, timedOut, cancelled }) => {
    const x = ((Date.parse(hour) - start) / HOUR_MS) * width;
    let y = 160;
    return [['good', success], ['bad', failed + timedOut], ['other', cancelled]].map(([kind, count]) => {
      const height = (count / most) * 150;
      y -= height;
      return bar(kind, x, y, width * 0.9, height);
    });
  });
  chart.replaceChildren(...bars);
};

const item = (alert) => {
  const made = document.createElement('li');
  made.dataset.rule = alert.rule;
  made.textContent =
    alert.project + ': ' + alert.rule.replaceAll('_', ' ') + ' ' + alert.value + ' (threshold ' + alert.threshold + '), since ' +
    new Date(alert.firedAt).toLocaleString();
  return made;
};
const note = (text) => {
  const made = document.createElement('li');
  made.textContent = text;
  return made;
};
const listed = ({ items, nextCursor }) => {
  if (items.length === 0) return [note('No rule holds.')];
  return [...items.map(item), ...(nextCursor === undefined ? [] : [note('More alerts go on than are shown.')])];
};

const render = (metrics, firing) => {
  for (const data of document.querySelectorAll('[data-figure]'))
    show(data, data.dataset.figure.split('.').reduce((part, name) => part?.[name], metrics));
  draw(metrics);
  alerts.replaceChildren(...listed(firing));
  projects.replaceChildren(...metrics.projects.map(row));
  figures.hidden = false;
  figures.dataset.range = metrics.range;
  // Not where a reader of screens would tell of it every time.
  say('');
  time.textContent = 'As of ' + new Date(metrics.to).toLocaleTimeString();
};

const say = (message) => {
  if (state.textContent !== message) state.textContent = message;
};
const ask = (message) => {
  sessionStorage.removeItem(TOKEN);
  entry.hidden = false;
  figures.hidden = true;
  leave.hidden = true;
  time.textContent = '';
  say(message);
};

const update = async () => {
  const given = sessionStorage.getItem(TOKEN);
  if (given === null) return ask('Figures are for who has the token.');
  entry.hidden = true;
  leave.hidden = false;
  const headers = { authorization: 'Bearer ' + given, accept: 'application/json' };
  const asked = range.value;
  try {
    const paths = ['/metrics?range=' + encodeURIComponent(asked), '/api/v1/alerts?limit=100'];
    const answers = await Promise.all(paths.map((path) => fetch(path, { headers, cache: 'no-store' })));
    if (answers.some(({ status }) => status === 401)) return ask('This token is not the one of the server.');
    for (const { ok, status } of answers) if (!ok) throw new Error('the server answered ' + status);
    const [metrics, firing] = await Promise.all(answers.map((answer) => answer.json()));
    if (asked === range.value && sessionStorage.getItem(TOKEN) === given) render(metrics, firing);
  } catch (error) {
    say('These figures are old: ' + error.message);
  }
};

let timer;
let turn = Promise.resolve();
/** One question at a time; none while nobody looks. */
const refresh = () => {
  clearTimeout(timer);
  turn = turn.then(update).finally(() => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refresh, EVERY_MS);
  });
};

entry.addEventListener('submit', (event) => {
  event.preventDefault();
  // A header takes nothing else, and no token has it.
  if (!/^[!-~]+$/.test(token.value)) return ask('A token has neither blanks nor letters beyond ASCII.');
  sessionStorage.setItem(TOKEN, token.value);
  token.value = '';
  refresh();
});
leave.addEventListener('click', () => ask('The token is forgotten.'));
range.addEventListener('change', refresh);
document.addEventListener('visibilitychange', refresh);
refresh();
`;
