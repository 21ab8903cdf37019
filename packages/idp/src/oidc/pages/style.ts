/** The one style sheet of all pages. System fonts: nothing is loaded from anywhere. */
export const style = `
:root{color-scheme:light dark;--ground:#f3f4f7;--card:#fff;--text:#1b2130;--quiet:#565e70;--line:#80889a;--soft:#dfe2ea;
--accent:#2743c9;--on-accent:#fff;--accent-hover:#1d339e;--bad:#b3201b;--bad-ground:#fdf0ef}
@media (prefers-color-scheme:dark){:root{--ground:#10131a;--card:#191e29;--text:#e9ecf3;--quiet:#a7b0c2;--line:#6f7a90;--soft:#2c3342;
--accent:#9db2ff;--on-accent:#0e1530;--accent-hover:#bccaff;--bad:#ff9d96;--bad-ground:#33191b}}
*,*::before,*::after{box-sizing:border-box}
html{font:100%/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","Liberation Sans",sans-serif;-webkit-text-size-adjust:100%}
body{margin:0;min-height:100vh;min-height:100dvh;display:flex;flex-direction:column;align-items:center;background:var(--ground);
color:var(--text);padding:clamp(1rem,8vh,6rem) 1rem 1.5rem;overflow-wrap:anywhere}
main{width:100%;max-width:26rem;background:var(--card);border:1px solid var(--soft);border-radius:.875rem;padding:clamp(1.25rem,6vw,2.25rem);
box-shadow:0 1px 2px rgb(15 23 42/.06),0 8px 28px rgb(15 23 42/.07)}
.mark{display:block;width:2.5rem;height:2.5rem;color:var(--accent);margin-bottom:1.25rem}
h1{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;font-weight:650;margin:0 0 .5rem}
h2{font-size:1rem;font-weight:650;margin:1.5rem 0 .5rem}
p{margin:0 0 1rem}
main>:last-child{margin-bottom:0}
.quiet{color:var(--quiet);font-size:.9375rem}
strong{font-weight:650}
form{margin:1.5rem 0 0}
label{display:block;font-weight:550;margin-bottom:.375rem}
.field{margin-bottom:1.125rem}
input{display:block;width:100%;min-height:2.875rem;font:inherit;color:inherit;background:var(--card);border:1px solid var(--line);
border-radius:.5rem;padding:.5rem .75rem}
input[aria-invalid=true]{border-color:var(--bad);border-width:2px}
button{display:block;width:100%;min-height:2.875rem;font:inherit;font-weight:600;border-radius:.5rem;padding:.5rem 1rem;cursor:pointer;
border:1px solid var(--accent);background:var(--accent);color:var(--on-accent)}
button:hover{background:var(--accent-hover);border-color:var(--accent-hover)}
button.second{background:transparent;color:var(--text);border-color:var(--line)}
button.second:hover{background:var(--ground)}
button+button,form+form{margin-top:.75rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.fault{border-left:.25rem solid var(--bad);background:var(--bad-ground);border-radius:.375rem;padding:.75rem 1rem;margin:1.25rem 0 0}
.fault p{margin:0}
.fault a,.hint{color:var(--bad)}
.hint{margin:.375rem 0 0;font-size:.9375rem}
ul.scopes{list-style:none;margin:1rem 0;padding:0;border:1px solid var(--soft);border-radius:.5rem}
ul.scopes li{padding:.75rem 1rem}
ul.scopes li+li{border-top:1px solid var(--soft)}
code{font-family:ui-monospace,"Cascadia Code","Liberation Mono",monospace;font-size:.875rem}
dl{margin:1rem 0 0;font-size:.9375rem}
dt{color:var(--quiet)}
dd{margin:0 0 .5rem}
footer{color:var(--quiet);font-size:.875rem;margin-top:1.25rem;text-align:center}
@media (forced-colors:active){main{border-color:CanvasText}.fault{border-left-color:Mark}}
`
