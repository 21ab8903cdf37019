/** The few words that a person sees when a login does not succeed. Whoever does not ask for HTML is answered in JSON. */
import { hash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'

const style =
  ':root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:0;padding:clamp(1rem,10vh,6rem) 1rem}' +
  'main{max-width:28rem;margin:0 auto}h1{font-size:1.5rem;line-height:1.25}.quiet{opacity:.75;font-size:.875rem}'

const headers: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  // Nothing is loaded, run or framed.
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${hash('sha256', style, 'base64')}'; base-uri 'none'; form-action 'none'; ` +
    "frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
}

const words: Readonly<Record<string, readonly [string, string]>> = {
  LOGIN_REFUSED: ['You are not logged in', 'The login was cancelled, took too long, or was begun in another browser.'],
  INVALID_REQUEST: ['This link does not work', 'It is not complete, or leads to no place here.'],
  IDP_UNAVAILABLE: ['Logging in does not work at the moment', 'This is not your fault. Try again in a moment.'],
}

const others = ['Something went wrong here', 'This is not your fault. Try again in a moment.'] as const

/** An `onSend` hook of the routes that browsers are led to: it says a refusal in HTML where HTML was asked for. */
export async function asPage(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  const isRefusal = reply.statusCode >= 400 && String(reply.getHeader('content-type')).startsWith('application/json')
  if (!isRefusal || typeof payload !== 'string' || !wantsHtml(request)) return payload
  const { code = '', correlation_id: id = '' } = JSON.parse(payload) as { code?: string; correlation_id?: string }
  const [heading, advice] = words[code] ?? others
  reply.headers(headers)
  // Reloading works where the provider was down: the login is remembered still.
  const again = code === 'IDP_UNAVAILABLE' ? '' : '<p><a href="/auth/login">Log in</a></p>'
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>${heading}</title><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><style>${style}</style></head>
<body><main><h1>${heading}</h1><p>${advice}</p>${again}
<p class="quiet">${escaped(code)} · ${escaped(id)}</p></main></body>
</html>
`
}

/** Names HTML itself: scripts say that they take anything. */
const wantsHtml = ({ headers: { accept = '' } }: FastifyRequest) => /\btext\/html\b/i.test(accept)

const escaped = (text: string) => text.replace(/[^\w.:-]/g, '')
