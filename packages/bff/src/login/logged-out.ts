/**
 * The way of a browser that has logged out here to the identity provider, whose URL has the ID token in it (OpenID Connect RP-Initiated
 * Logout 1.0 §2). Scripts never see a token: they are told a URL of this server, which has the provider's sealed in it.
 */
import { z } from 'zod'
import type { Bff } from '../bff.ts'
import { homeOf } from './logout.ts'

type Parts = Pick<Bff, 'clock' | 'keyrings'> & { readonly config: Pick<Bff['config'], 'publicUrl' | 'sessions'> }

const purpose = 'logout'
/** Sealed it is a third longer, and proxies take lines of 8 kB. */
const mostBytes = 5_000

const onward = z.object({ url: z.string(), at: z.number() })

export const loggedOutQuery = z.object({ to: z.string().min(1) })

/** @param url the provider's, or our own home, which hides nothing */
export function scriptUrl(parts: Parts, url: string): string {
  const { clock, config, keyrings } = parts
  if (url === homeOf(parts)) return url
  const what = JSON.stringify({ url: fitting(url), at: clock() })
  const to = keyrings.sealing('state').seal(purpose, what)
  return `${config.publicUrl}/auth/logged-out?${new URLSearchParams({ to })}`
}

/** @returns the provider's URL; our own home where nothing of ours is in it, or it is older than a login may take */
export function onwardUrl(parts: Parts, to: string): string {
  const answer = parts.keyrings.sealing('state').open(purpose, to)
  const { url, at } = answer.ok ? onward.parse(JSON.parse(answer.plain.toString('utf8'))) : { url: '', at: 0 }
  return parts.clock() - at > parts.config.sessions.loginTtlMs ? homeOf(parts) : url
}

/** An ID token that says very much is left out: `client_id` stands there as well, and the provider asks the user. */
function fitting(text: string): string {
  const url = new URL(text)
  if (text.length > mostBytes) url.searchParams.delete('id_token_hint')
  return url.href
}
