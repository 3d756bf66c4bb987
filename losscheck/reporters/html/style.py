"""The style of the page, light and dark."""

STYLE = """
:root {
  color-scheme: light dark;
  --back: #fdfdfc; --panel: #f4f5f3; --ink: #1d2327; --soft: #59636b; --rule: #dcdfdd;
  --red: #b5281e; --red-back: #fbebe8; --amber: #8a5300; --amber-back: #fbf1dd; --blue: #1a5f99;
  --blue-back: #e8f0f7; --green: #1f6b45; --line-1: #b25b00; --line-2: #6a4fa3;
  --outside: #e9ebea; --focus: #1a5f99;
  --sans: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
  --mono: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --back: #15181a; --panel: #1e2225; --ink: #e2e5e6; --soft: #9aa4ab; --rule: #343a3e;
    --red: #ff8b7b; --red-back: #3a211e; --amber: #e9b25c; --amber-back: #352a18; --blue: #79b8ec;
    --blue-back: #1b2a37; --green: #7dc9a0; --line-1: #f0a75a; --line-2: #bda5f0;
    --outside: #282d31; --focus: #79b8ec;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0 auto; padding: 2.5rem 1.5rem 3rem; max-width: 74rem;
  background: var(--back); color: var(--ink);
  font: 1rem/1.55 var(--sans); overflow-wrap: break-word; }
h1, h2, h3, h4 { line-height: 1.25; margin: 0; font-weight: 650; text-wrap: balance; }
h1 { font-size: 1.75rem; letter-spacing: -.015em; }
h2 { font-size: 1.35rem; letter-spacing: -.01em; overflow-wrap: anywhere; }
h3 { font-size: 1rem; }
h4 { font-size: .875rem; margin-top: 1rem; }
p { margin: .4rem 0; }
a { color: var(--blue); text-underline-offset: .15em; }
a:focus-visible, summary:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--focus);
  outline-offset: 2px; border-radius: 3px; }
code, pre, .code, .place { font-family: var(--mono); font-size: .875em; }
.place, .versions, footer { color: var(--soft); }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%);
  white-space: nowrap; }
.skip { position: absolute; left: 1rem; top: -4rem; padding: .5rem 1rem; background: var(--back);
  border: 1px solid var(--rule); border-radius: 4px; }
.skip:focus { top: 1rem; }
.brand { font-family: var(--mono); font-weight: 600; color: var(--soft); margin: 0 0 .25rem; }
.versions { font-size: .875rem; margin: .35rem 0 0; }
main { margin-top: 2rem; }
footer { margin-top: 4rem; padding-top: 1rem; border-top: 1px solid var(--rule); font-size: .875rem; }
.scroll { overflow-x: auto; max-width: 100%; }

.overview { border-collapse: collapse; width: 100%; font-size: .9375rem; }
.overview caption { text-align: left; color: var(--soft); font-size: .875rem; padding-bottom: .5rem; }
.overview th, .overview td { padding: .5rem .6rem; border-bottom: 1px solid var(--rule); text-align: center;
  vertical-align: middle; position: relative; }
.overview th:first-child { text-align: left; padding-left: 0; }
.overview thead th { font-weight: 500; font-size: .8125rem; color: var(--soft); white-space: nowrap;
  vertical-align: bottom; }
.overview tbody th { font-weight: 600; min-width: 13rem; overflow-wrap: anywhere; }
.overview tbody th .place { display: block; font-weight: 400; font-size: .75rem; }
.overview .count { text-align: right; font-variant-numeric: tabular-nums; }
.overview tbody .pass { color: var(--green); }
.overview tbody .fail { color: var(--red); font-weight: 700; }
.overview tbody .fail.warning { color: var(--amber); }
.overview tbody .fail.note { color: var(--soft); font-weight: 400; }
.overview tbody .skipped, .overview td.none { color: var(--soft); }
.overview td.error { color: var(--red); font-weight: 700; }
.overview td.warning { color: var(--amber); font-weight: 700; }

.failures { margin-top: 2rem; padding: 1rem 1.25rem; background: var(--red-back); border-radius: 8px; }
.failures h2 { font-size: 1rem; }
.failures ul { margin: .5rem 0 0; padding-left: 1.25rem; }

.loss { margin-top: 3rem; padding-top: 1.75rem; border-top: 1px solid var(--rule); }
.loss > header { display: flex; flex-wrap: wrap; gap: 0 .9rem; align-items: baseline; }
.loss > header .place { margin: 0; }
dl { margin: .75rem 0; display: grid; gap: .15rem 0; }
dl > div { display: grid; grid-template-columns: 4.75rem minmax(0, 1fr); gap: .75rem; }
dt { color: var(--soft); font-size: .875rem; }
dd { margin: 0; overflow-wrap: anywhere; font-size: .9375rem; }
dd span { color: var(--soft); font-size: .875rem; margin-left: .6rem; }
.clean { color: var(--green); font-weight: 600; }
.no-drawing { color: var(--soft); font-size: .875rem; }

.finding { margin: 1.25rem 0; padding: 0 0 0 1.1rem; border-left: 3px solid var(--amber); }
.finding.error { border-left-color: var(--red); }
.finding h3 { display: flex; flex-wrap: wrap; gap: .15rem .6rem; align-items: baseline; }
.finding h3 .code { font-size: .9375rem; }
span.badge { font-size: .75rem; font-weight: 650; padding: .08rem .5rem; border-radius: 99px;
  background: var(--amber-back); color: var(--amber); }
span.badge.error { background: var(--red-back); color: var(--red); }
.finding > .place { font-size: .8125rem; }
.finding > .place, .notes .place { font-family: var(--mono); }
.message { font-size: 1.0625rem; max-width: 48rem; }
.hint { max-width: 48rem; }
.hint b { color: var(--green); font-weight: 650; margin-right: .35rem; }
pre { margin: .75rem 0; padding: .75rem 1rem; background: var(--panel); border-radius: 6px; overflow-x: auto;
  line-height: 1.6; tab-size: 4; }
pre code { font-size: 1em; }
.source .number::before { content: attr(data-line); color: var(--soft); margin-right: 1.25rem; }
mark { background: var(--amber-back); color: inherit; border-bottom: 2px solid var(--amber);
  padding: .1em 0; }
.error mark { background: var(--red-back); border-bottom-color: var(--red); }
details { margin: .5rem 0; }
summary { cursor: pointer; color: var(--soft); font-size: .9375rem; padding: .15rem 0; width: fit-content; }
summary:hover { color: var(--ink); }
details > :not(summary) { max-width: 48rem; margin-left: 1rem; font-size: .9375rem; }
details ul { padding-left: 1.1rem; }
.evidence > div { grid-template-columns: 9rem minmax(0, 1fr); }
.evidence dd { font-family: var(--mono); font-size: .8125rem; }
.notes li { margin: .5rem 0; }
.notes .hint { color: var(--soft); }

.drawings { display: flex; flex-wrap: wrap; gap: 1.25rem; align-items: flex-start; margin: 1.5rem 0 1rem; }
.drawing { margin: 0; padding: 1rem 1.1rem; border: 1px solid var(--rule); border-radius: 8px; min-width: 0;
  flex: 1 1 24rem; max-width: 100%; }
.drawing.wide { flex-basis: 100%; }
.drawing h3 { font-size: .9375rem; margin-bottom: .6rem; }
.drawing .scroll { padding-bottom: .25rem; }
figcaption { color: var(--soft); font-size: .8125rem; line-height: 1.5; max-width: 40rem; }
figcaption p { margin: .35rem 0 0; }
figcaption .bad { color: var(--red); }
svg { display: block; }
svg text { font-family: var(--sans); fill: var(--ink); }
.beside { display: flex; flex-wrap: wrap; gap: 0 2rem; align-items: center; }
.beside > div { flex: 1 1 14rem; min-width: 0; }
svg.curve { flex: 1 1 22rem; min-width: 0; max-width: 36rem; height: auto; }
svg.path { margin: 0 auto; }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: .75rem 0 0; padding: 0;
  font-size: .8125rem; }
.legend li { display: flex; align-items: center; gap: .45rem; }
.swatch { width: 28px; height: 8px; flex: none; }
.swatch.wide { width: 36px; height: 16px; }
span.swatch { width: 18px; height: 12px; border: 1px solid var(--rule); border-radius: 2px; }
span.swatch.outside { background: var(--outside); }
span.swatch.bad-band { border-color: var(--red);
  background: repeating-linear-gradient(-45deg, var(--red) 0 1px, transparent 1px 4px); }

.curve .tick, .curve .cut-off { font-size: 11px; fill: var(--soft); font-variant-numeric: tabular-nums; }
.curve .heading { font-size: 12px; font-weight: 600; }
.curve .axis, .curve .none { font-size: 12px; fill: var(--soft); }
.curve .none { fill: var(--red); font-weight: 600; }
.curve .frame { fill: none; stroke: var(--rule); }
.curve .grid { stroke: var(--rule); stroke-width: .75; }
.curve .zero { stroke: var(--soft); stroke-width: 1; }
.curve .mark { stroke: var(--soft); stroke-width: .75; }
.curve rect.outside { fill: var(--outside); }
.curve .bad-band { stroke: var(--red); stroke-width: .75; }
.hatch { stroke: var(--red); stroke-width: 1; fill: none; }
.line { fill: none; stroke: var(--blue); stroke-width: 2; stroke-linejoin: round; stroke-linecap: round; }
.line-1 { stroke: var(--line-1); stroke-dasharray: 6 4; }
.line-2 { stroke: var(--line-2); stroke-dasharray: 1.5 4; }

.node .box { fill: var(--panel); stroke: var(--rule); }
.node .types { font-family: var(--mono); font-size: 12px; font-weight: 600; }
.node .code { font-family: var(--mono); font-size: 10.5px; fill: var(--soft); }
.node .number { fill: var(--soft); opacity: .75; }
.node .badge { font-family: var(--mono); font-size: 10px; font-weight: 700; }
.node .badge.error { fill: var(--red); }
.node .badge.warning { fill: var(--amber); }
.node.end .box { fill: var(--blue-back); stroke: var(--blue); }
.node.end.dead .box { fill: none; stroke: var(--soft); stroke-dasharray: 4 3; }
.node.dead .box { fill: none; stroke-dasharray: 4 3; stroke: var(--soft); }
.node.culprit .box { fill: var(--red-back); stroke: var(--red); stroke-width: 1.75; stroke-dasharray: none; }
.flow .edge { fill: none; stroke: var(--blue); stroke-width: 1.75; }
.flow .arrow { fill: var(--blue); }
.flow.none .edge, .flow.side .edge { stroke: var(--soft); stroke-width: 1.25; stroke-dasharray: 3 4; }
.flow.none .arrow, .flow.side .arrow { fill: var(--soft); }
.flow.cut .edge { stroke: var(--red); stroke-width: 2; stroke-dasharray: 6 4; }
.flow.cut .arrow { fill: var(--red); }
.flow .disc { fill: var(--back); stroke: var(--soft); stroke-width: 1.25; }
.flow .cross { fill: none; stroke: var(--soft); stroke-width: 1.5; stroke-linecap: round; }
.flow.cut .disc { stroke: var(--red); stroke-width: 1.75; }
.flow.cut .cross { stroke: var(--red); stroke-width: 2; }

@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 2rem; }
  h1 { font-size: 1.375rem; }
  .drawing { padding: .85rem .8rem; flex-basis: 100%; }
  .finding { padding-left: .8rem; }
  dl > div, .evidence > div { grid-template-columns: 1fr; gap: 0; margin-bottom: .35rem; }
  .curve .tick, .curve .cut-off, .curve .axis, .curve .none { font-size: 14px; }
  .curve .heading { font-size: 15px; }
  .overview tbody th { min-width: 9rem; }
  .overview tbody th .place { display: none; }
}
@media print {
  body { max-width: none; padding: 0; }
  .skip { display: none; }
  .finding, .drawing { break-inside: avoid; }
}
"""
