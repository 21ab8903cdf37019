import { hash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { pageHeaders } from './pages/page.ts'

/** What the provider answers by itself, past the hooks of its configuration, is made to look like what others answer here. */
export async function mendAnswer(ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> {
  try {
    await next()
  } finally {
    // That is every page that has no origin, of whomever.
    if (ctx.response.get('access-control-allow-origin') === 'null') ctx.remove('access-control-allow-origin')
  }
  // Its router reads paths literally, ours decodes them first.
  if (ctx.status === 404 && !ctx.body) {
    ctx.status = 404
    ctx.set('cache-control', 'no-store')
    ctx.body = { error: 'invalid_request', error_description: 'there is nothing here' }
  }
  // RFC 6749 §3.3: there is no empty scope. The provider says one where nothing is granted at a resource.
  const { body } = ctx as { body?: { scope?: unknown } }
  if (ctx.oidc?.route === 'token' && body?.scope === '') delete body.scope
  const isPage = ctx.response.is('html') && typeof ctx.body === 'string'
  if (isPage && !ctx.response.get('content-security-policy')) ctx.set(headersFor(String(ctx.body)))
}

/** A page that sends a form by itself: its own script stands at the end of the head, where nothing is that anybody said. */
function headersFor(page: string): Record<string, string> {
  const [, script] = /<script>([^<]*)<\/script>\s*<\/head>/.exec(page) ?? []
  const runs = script === undefined ? '' : `script-src 'sha256-${hash('sha256', script, 'base64')}'; `
  return {
    ...pageHeaders,
    'content-security-policy': `default-src 'none'; ${runs}base-uri 'none'; frame-ancestors 'none'`,
    // A client may want to see where the form comes from.
    'referrer-policy': 'strict-origin',
  }
}
