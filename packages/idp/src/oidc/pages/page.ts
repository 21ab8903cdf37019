import { hash } from 'node:crypto'
import { Html, html, type Part } from './html.ts'
import { style } from './style.ts'

/**
 * What every page is sent with. Nothing is loaded, run or framed.
 *
 * There is no `form-action` on purpose: browsers hold it against every redirect that follows a form, and where a client leads
 * its user on from its redirect URI is not known here. A form that somebody smuggled in would need HTML that is not escaped.
 */
export const pageHeaders: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; ` +
    "frame-ancestors 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  // Not `no-referrer`: with that a browser sends `Origin: null` with our own forms.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
}

/**
 * A page of its own: one heading, what follows it, and below it whose page it is.
 *
 * @param title what the browser shows, and a screen reader says first
 */
export function page(heading: string, body: readonly Part[], title: string = heading): string {
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${sheet}
</head>
<body>
<main>
${mark}
<h1>${heading}</h1>
${body.map((part) => html`${part}\n`)}</main>
<footer>Secured by Rekey</footer>
</body>
</html>
`
  return text
}

/** The hash in the header is of exactly this text. */
const sheet = new Html(`<style>${style}</style>`)

const mark = html`<svg class="mark" viewBox="0 0 40 40" aria-hidden="true" focusable="false"><rect width="40" height="40" rx="10" fill="currentColor" opacity=".14"/><g fill="none" stroke="currentColor" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"><circle cx="15" cy="20" r="5.5"/><path d="M20.5 20H31m-3.5 0v5m-4-5v3.5"/></g></svg>`

/** A name that a client chose. It may be written from right to left, but neither turn itself nor the text around it. */
export function nameOf(client: { clientName?: string | undefined; clientId: string }): Html {
  return html`<bdi>${(client.clientName ?? client.clientId).replace(turning, '')}</bdi>`
}

const turning = /\p{Bidi_Control}/gu
