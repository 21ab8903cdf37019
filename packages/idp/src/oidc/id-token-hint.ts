import { VerifyError, verifyJws } from '@rekey/verifier'
import { errors } from 'oidc-provider'
import { signingKeyrings } from '../config.ts'
import type { Instance } from '../instance.ts'

const algorithms = signingKeyrings.map(({ algorithm }) => algorithm)

/**
 * Reads an ID token that a client gives back. It may have expired (OpenID Connect RP-Initiated Logout §2), and its key may have
 * retired since; by a key that was revoked anybody may have made it.
 *
 * @throws OIDCProviderError `invalid_request`
 */
export function readIdTokenHint({ config, keys }: Pick<Instance, 'config' | 'keys'>, jwt: string, clientId: string) {
  const versions = [...keys().keyrings.values()].flatMap((keyring) => keyring.versions)
  const jwks = { keys: versions.filter(({ state }) => state !== 'revoked').map(({ publicPart }) => publicPart) }
  try {
    const { header, payload } = verifyJws(jwt, jwks as never, { algorithms })
    const claims = JSON.parse(Buffer.from(payload).toString()) as { iss?: unknown; aud?: unknown; sub?: unknown }
    // An access token and a logout token say that they are one; an ID token says nothing.
    const isIdToken = header.typ === undefined || header.typ === 'JWT'
    const isOurs = claims.iss === config.issuer && [claims.aud].flat().includes(clientId)
    if (isIdToken && isOurs && typeof claims.sub === 'string') return { header, payload: claims }
  } catch (error) {
    if (!(error instanceof VerifyError)) throw error
  }
  throw new errors.InvalidRequest('could not validate id_token_hint')
}
