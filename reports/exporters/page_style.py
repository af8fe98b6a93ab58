"""How a report looks on a page: one style sheet for screen and paper, light and dark."""

PAGE_STYLE = """\
:root {
  color-scheme: light dark;
  --paper: #fdfdfb; --raised: #f4f3ee; --ink: #1d2126; --faint: #646b73; --line: #dcdad2; --loss: #a5251d; --link: #24557a;
  --warn-paper: #fbf3e2; --warn-line: #c98a1b;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #16191d; --raised: #1f2429; --ink: #e4e6e3; --faint: #9aa1a8; --line: #353b42; --loss: #f08a7e; --link: #8fc1e8;
    --warn-paper: #2c2618; --warn-line: #c98a1b;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: .9375rem/1.5 "Inter", "Source Sans 3", "Segoe UI", system-ui, -apple-system, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 1600px; margin: 0 auto; padding: 2.5rem clamp(1rem, 4vw, 4rem) 4rem; }
h1 { font-size: 1.9rem; font-weight: 600; letter-spacing: -.015em; line-height: 1.2; margin: 0 0 1.5rem; }
h2 { font-size: 1.1rem; font-weight: 600; margin: 0 0 .75rem; }
section { margin-top: 2.5rem; }
.cover {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); gap: .9rem 2rem; margin: 0 0 1.5rem;
  padding: 1.1rem 0; border-top: 2px solid var(--ink); border-bottom: 1px solid var(--line);
}
.cover div:last-child { grid-column: 1 / -1; }
dt { color: var(--faint); font-size: .8rem; }
dd { margin: 0; overflow-wrap: anywhere; }
.findings {
  margin: 0 0 1.5rem; padding: 1rem 1.25rem; background: var(--warn-paper); border-left: 4px solid var(--warn-line);
}
.findings h2 { font-size: 1rem; margin-bottom: .4rem; }
.findings ul { margin: 0; padding-left: 1.2rem; }
.findings p { margin: .5rem 0 0; color: var(--faint); font-size: .9rem; }
nav { display: flex; flex-wrap: wrap; gap: .4rem 1.5rem; font-size: .95rem; }
a { color: var(--link); text-underline-offset: .2em; text-decoration-thickness: 1px; }
.sheet { overflow: auto; max-height: 88vh; border-bottom: 1px solid var(--line); width: fit-content; max-width: 100%; }
table { border-collapse: separate; border-spacing: 0; font-size: .87rem; font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: .38rem .9rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child { padding-left: .5rem; position: sticky; left: 0; background: var(--paper); }
thead th {
  position: sticky; top: 0; background: var(--raised); font-weight: 600; vertical-align: bottom; white-space: normal;
  min-width: 4.5rem; line-height: 1.3; border-bottom: 1px solid var(--faint);
}
thead th:first-child { z-index: 2; background: var(--raised); }
tbody tr:hover, tbody tr:hover td:first-child { background: var(--raised); }
tbody tr:last-child td { border-bottom: 0; }
.n { text-align: right; }
.neg { color: var(--loss); }
tfoot th, tfoot td {
  position: sticky; bottom: 0; background: var(--paper); font-weight: 600; border-top: 2px solid var(--ink); border-bottom: 0;
}
.count { margin: .5rem 0 0; color: var(--faint); font-size: .8rem; }
.notes { max-width: 48rem; font-size: .92rem; }
.notes ul { margin: 0; padding-left: 1.2rem; }
.notes li { margin-bottom: .4rem; }
@media print {
  @page { size: landscape; margin: 12mm; }
  :root {
    --paper: #fff; --raised: #fff; --ink: #000; --faint: #444; --line: #bbb; --loss: #8a1510; --link: #000;
    --warn-paper: #fff; --warn-line: #000;
  }
  html { font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  nav { display: none; }
  .sheet { overflow: visible; max-height: none; width: auto; }
  table { width: 100%; font-size: 7pt; border-collapse: collapse; }
  .wide { font-size: 5pt; }
  th, td { padding: 1.5pt 3pt; white-space: normal; }
  td:not(.n):not(.u) { overflow-wrap: break-word; }
  .n, .u { white-space: nowrap; }
  thead { display: table-header-group; }
  th, td, thead th, tfoot th, tfoot td, th:first-child, td:first-child { position: static; min-width: 0; }
  tfoot { display: table-row-group; }
  tr { break-inside: avoid; }
  h2 { break-after: avoid; }
}
"""
