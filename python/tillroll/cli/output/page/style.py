"""How the page looks: by day, by night, on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --paper: #ffffff; --rule: #d9dee5;
  --band: #f5f7f9; --bar: #2b6cb0; --minus: #b83a1b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ee; --soft: #9aa5b4; --paper: #14181e;
  --rule: #333b46; --band: #1b2129; --bar: #63a4e0; --minus: #f08a64; } }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --rule: #bbb;
  --band: #fff; --bar: #2b6cb0; --minus: #b83a1b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 72rem;
  color: var(--ink); background: var(--paper);
  font: 1rem/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; line-height: 1.2; text-wrap: balance; }
p, dl { margin: 0 0 .5rem; color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
dl { display: flex; flex-wrap: wrap; gap: 0 1.25rem; }
dl div { display: flex; gap: .4em; } dd { margin: 0; color: var(--ink); }
.charts { display: grid; gap: 1.75rem 2rem; margin: 1.5rem 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); }
figure { margin: 0; max-width: 34rem; break-inside: avoid; }
figcaption { margin-bottom: .5rem; font-weight: 600; }
figcaption small, tfoot small { color: var(--soft); font-weight: 400; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font-size: 12px; font-variant-numeric: tabular-nums; }
svg .end { text-anchor: end; } svg .mid { text-anchor: middle; }
svg .mid, svg .rule + .end, svg .zero + .end { fill: var(--soft); }
.bar { fill: var(--bar); } .minus { fill: var(--minus); } .track { fill: var(--band); }
.line { fill: none; stroke: var(--bar); stroke-width: 1.2; stroke-linecap: round; }
.rule { stroke: var(--rule); stroke-width: .7; } .zero { stroke: var(--soft); }
.table { overflow-x: auto; margin-top: 1.5rem; }
.table:focus-visible { outline: 2px solid var(--bar); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9375rem; }
caption { text-align: left; color: var(--soft); font-size: .875rem; padding-bottom: .5rem; }
th, td { padding: .3rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; max-width: 30rem; }
th:first-child, td:first-child { padding-left: .25rem; }
thead th { border-bottom: 2px solid var(--soft); vertical-align: bottom; overflow-wrap: normal; }
thead th::first-letter { text-transform: uppercase; }
tbody th { font-weight: 400; }
tbody tr:hover { background: var(--band); }
.n { text-align: right; white-space: nowrap; } td.n.minus { color: var(--minus); }
.d { white-space: nowrap; } .wide { min-width: 9rem; }
tfoot th, tfoot td { font-weight: 600; border-bottom: 0; }
footer { margin-top: 2rem; }
@media print { body { padding: 0; max-width: none; font-size: 10pt; } .table { overflow: visible; }
  .charts { grid-template-columns: 1fr 1fr; } tr { break-inside: avoid; } tfoot { display: table-row-group; }
  thead { display: table-header-group; } @page { margin: 15mm; } }
"""
