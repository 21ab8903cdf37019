/** Reports in HTML: one file without scripts, links and anything from elsewhere, for screens of any width and for paper. */
import { hash } from 'node:crypto'
import { style } from './style.ts'
import type { Block, Report, Section, Text } from './text.ts'
import { visible } from './visible.ts'

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}
// Whatever slipped through: nothing runs, nothing is fetched, and only this style applies.
const policy = `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'`

// They are not broken at their hyphens.
const time = /\b\d{4}-\d\d-\d\d(?: \d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)?\b/g

export function asHtml({ title, subtitle, sections }: Report): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${escaped(title)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${escaped(title)}</h1>
<p>${escaped(subtitle)}</p>
</header>
<main>
${sections.map(section).join('\n')}
</main>
</body>
</html>
`
}

function section({ title, blocks }: Section): string {
  const heading = title === '' ? [] : [`<h2>${escaped(title)}</h2>`]
  return ['<section>', ...heading, ...blocks.map(block), '</section>'].join('\n')
}

function block(of: Block): string {
  switch (of.kind) {
    case 'paragraph':
      return `<p>${inline(of.text)}</p>`
    case 'list':
      return `<ul>\n${of.items.map((item) => `<li>${inline(item)}</li>`).join('\n')}\n</ul>`
    case 'members':
      return `<dl>\n${of.rows.map(([name, value]) => `<div><dt>${escaped(name)}</dt><dd>${inline(value)}</dd></div>`).join('\n')}\n</dl>`
    case 'table':
      return table(of.head, of.rows)
    case 'verdict':
      return `<div class="verdict ${of.mark}">\n<strong>${escaped(of.headline)}</strong>\n<p>${inline(of.text)}</p>\n</div>`
    case 'commands':
      return `<pre><code>${of.lines.map(escaped).join('\n')}</code></pre>`
  }
}

/** On a narrow screen each row is a block of its own, in which a cell says its column. */
function table(head: readonly string[], rows: readonly Text[][]): string {
  const titles = head.map((title) => `<th scope="col">${escaped(title)}</th>`).join('')
  const lines = rows.map((cells) => `<tr>${cells.map((text, at) => cell(text, head[at] ?? '')).join('')}</tr>`)
  return `<table>\n<thead><tr>${titles}</tr></thead>\n<tbody>\n${lines.join('\n')}\n</tbody>\n</table>`
}

function cell(text: Text, column: string): string {
  const none = text === '—' ? ' class="none"' : ''
  return `<td${none} data-column="${escaped(column)}"><span>${inline(text)}</span></td>`
}

function inline(text: Text): string {
  if (typeof text === 'string') return escaped(text).replace(time, '<time>$&</time>')
  if (Array.isArray(text)) return text.map(inline).join('')
  if ('code' in text) return `<code>${escaped(text.code)}</code>`
  return `<span class="${text.mark}">${inline(text.text)}</span>`
}

const escaped = (text: string) => visible(text).replace(/[&<>"']/g, (found) => entities[found] ?? '')
