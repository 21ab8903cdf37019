/** How a report looks. Marks carry a sign as well as a colour: it may be printed in black, or read by those who see none. */
export const style = `
:root{color-scheme:light;--ink:#16191d;--soft:#59636e;--line:#d9dee3;--wash:#f6f8fa;--good:#13693f;--bad:#b3201a;--unsure:#8a5a00}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0 auto;max-width:72rem;padding:3rem 2rem 5rem;background:#fff;color:var(--ink);font:400 1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
h1{margin:0;font-size:1.9rem;line-height:1.2;letter-spacing:-.015em;text-wrap:balance;overflow-wrap:anywhere}
header p{margin:.4rem 0 0;color:var(--soft)}
h2{margin:0 0 .9rem;padding-bottom:.4rem;border-bottom:1px solid var(--line);font-size:1.2rem;letter-spacing:-.005em}
section{margin-top:2.6rem}
header+main>section:first-child{margin-top:1.6rem}
p,ul,dl,table,pre{margin:0 0 1rem}
p,li{max-width:46rem;overflow-wrap:anywhere}
ul{padding-left:1.2rem}
li{margin:.3rem 0}
code{font:.86em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"Liberation Mono",monospace;overflow-wrap:anywhere}
pre{padding:.8rem 1rem;background:var(--wash);border:1px solid var(--line);border-radius:6px;white-space:pre-wrap}
.verdict{margin-bottom:1.4rem;padding:1rem 1.25rem;border:1px solid;border-left-width:6px;border-radius:6px;border-color:var(--soft)}
.verdict strong{display:block;font-size:1.25rem}
.verdict p{margin:.3rem 0 0;color:var(--ink)}
.verdict.good,.verdict.bad,.verdict.unsure{font-weight:inherit}
.verdict.good{border-color:var(--good);background:#f1f9f4}
.verdict.bad{border-color:var(--bad);background:#fdf3f2}
.verdict.unsure{border-color:var(--unsure);background:#fdf8ec}
.good,.verdict.good strong{color:var(--good)}
.bad,.verdict.bad strong{color:var(--bad)}
.unsure,.verdict.unsure strong{color:var(--unsure)}
span.good,span.bad,span.unsure{font-weight:600}
.good::before,.bad::before,.unsure::before{font-weight:700}
span.good::before{content:"✓ "}
span.bad::before{content:"✗ "}
span.unsure::before{content:"? "}
.verdict::before{content:none}
dl{display:grid;gap:0}
dl div{display:grid;grid-template-columns:12rem 1fr;gap:1rem;padding:.4rem 0;border-bottom:1px solid var(--line)}
dl div:last-child{border-bottom:0}
dt{color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere}
table{width:100%;border-collapse:collapse;font-size:.9rem;line-height:1.45;font-variant-numeric:tabular-nums}
th,td{padding:.45rem .9rem .45rem 0;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500;white-space:nowrap;border-bottom-color:#aeb8c2}
th:last-child,td:last-child{padding-right:0}
td{min-width:5.2rem}
td:first-child{min-width:9.5rem}
time{white-space:nowrap}
@media screen and (max-width:44rem){
body{padding:1.5rem 1rem 3rem}
h1{font-size:1.5rem}
dl div{grid-template-columns:1fr;gap:0}
table,tbody,tr,td{display:block}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.7rem 0;border-bottom:1px solid var(--line)}
td.none{display:none}
td,td:first-child{min-width:0}
td:not(.none){display:grid;grid-template-columns:7.5rem 1fr;gap:.75rem;padding:.12rem 0;border:0}
td::before{content:attr(data-column);color:var(--soft)}
}
@page{size:A4;margin:18mm 16mm 20mm}
@media print{
body{max-width:none;padding:0;font-size:9.5pt}
table{font-size:8pt}
td,td:first-child{min-width:4.6em}
section{margin-top:8mm}
h2{break-after:avoid}
tr,.verdict,dl div,li,pre{break-inside:avoid}
thead{display:table-header-group}
.verdict{print-color-adjust:exact;-webkit-print-color-adjust:exact}
}
`
