import type { FastifyRequest } from 'fastify'
import type { Bff } from '../bff.ts'
import { type EndedSession, endEach, type Selection } from '../sessions/end.ts'
import type { LiveSession } from '../sessions/session.ts'
import { type KeptTokens, openTokens } from '../sessions/stored.ts'

/**
 * Ends the session, or every session of its user: nobody has one any more when this resolves. What is to be done at the
 * identity provider comes afterwards, and cannot keep anybody from logging out.
 *
 * @returns where the browser goes to end its session there as well
 */
export async function logOut(bff: Bff, session: LiveSession, isEverywhere: boolean): Promise<string> {
  const { sub, claims } = session
  const selection: Selection = isEverywhere ? { sub, issuer: claims.iss } : { session: session.id }
  const reason = isEverywhere ? 'logout everywhere' : 'logout'
  const tokens = new Map<string, KeptTokens | undefined>()
  await endEach(bff, selection, { actor: sub, reason }, (ended) => {
    for (const one of ended) tokens.set(one.id, tokensOf(bff, one))
  })
  revokeAll(bff, [...tokens.values()])
  return endSessionUrl(bff, tokens.get(session.id)?.idToken)
}

/** What does not open is lost at the provider as well, once it expires. */
function tokensOf({ sealer, log }: Bff, { id, sealedTokens }: EndedSession): KeptTokens | undefined {
  if (sealedTokens === undefined) return undefined
  try {
    return openTokens(sealer, id, sealedTokens)
  } catch (error) {
    log.warn({ err: error, session: id }, 'tokens of a session that ended could not be opened')
    return undefined
  }
}

/** Not waited for: a provider that hangs must keep nobody logged in. */
function revokeAll({ provider, log }: Bff, tokens: readonly (KeptTokens | undefined)[]): void {
  for (const refreshToken of tokens.flatMap((kept) => kept?.refreshToken ?? [])) {
    provider.revoke(refreshToken).catch((error) => log.warn({ err: error }, 'a refresh token could not be revoked'))
  }
}

async function endSessionUrl({ provider, config, log }: Bff, idToken: string | undefined): Promise<string> {
  const returnTo = homeOf({ config })
  try {
    const url = await provider.endSessionUrl({ ...(idToken === undefined ? {} : { idToken }), returnTo })
    return url?.href ?? returnTo
  } catch (error) {
    log.warn({ err: error }, 'the identity provider could not be asked where sessions end')
    return returnTo
  }
}

export const homeOf = ({ config }: { config: Pick<Bff['config'], 'publicUrl'> }) => `${config.publicUrl}/`

/** A form of a page without scripts is answered by sending the browser on. */
export function isForm({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true
}
