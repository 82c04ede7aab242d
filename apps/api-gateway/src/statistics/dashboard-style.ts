export const DASHBOARD_STYLE = `:root { color-scheme: light dark; --text: #1c2024; --ground: #fff; --card: #f2f4f6; --good: #1a7f4b; --bad: #c62f2f; --other: #6b7280; }
@media (prefers-color-scheme: dark) { :root { --text: #e8eaed; --ground: #16181a; --card: #22262a; --good: #4cc38a; --bad: #ff6f6f; --other: #9aa2ad; } }
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; color: var(--text); background: var(--ground); }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: baseline; }
h1 { margin: 0 auto 0 0; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(14rem, 1fr)); gap: 1rem; margin: 1rem 0; }
.card { background: var(--card); border-radius: .5rem; padding: 1rem; }
.card dd { margin: 0; font-size: 1.8rem; font-variant-numeric: tabular-nums; }
#chart { width: 100%; height: 10rem; background: var(--card); border-radius: .5rem; }
#chart .good { fill: var(--good); }
#chart .bad { fill: var(--bad); }
#chart .other { fill: var(--other); }
.legend span { margin-right: 1rem; }
.legend span::before { content: '■ '; }
.legend .good::before { color: var(--good); }
.legend .bad::before { color: var(--bad); }
.legend .other::before { color: var(--other); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid var(--card); }
th:first-child, td:first-child { text-align: left; overflow-wrap: anywhere; }
input, select, button { font: inherit; }
[hidden] { display: none; }
`;
