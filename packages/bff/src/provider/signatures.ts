/** Holds what the identity provider signed against its keys. */
import { createVerifier, type JwtClaims, jwksPolling, type Verifier, VerifyError } from '@rekey/verifier'
import type { ServerMetadata } from 'openid-client'
import { BffError } from '../error.ts'
import type { Metrics } from '../operations/metrics.ts'

export interface Signed {
  readonly typ: string | undefined
  readonly claims: JwtClaims
}

/** Verifies what the provider signed. */
export interface Signatures {
  /**
   * Verifies signature, `iss`, `aud` and times.
   *
   * @param isTrusted it came from the provider itself, and not from whoever asks: for such a token keys are fetched however often
   * @throws VerifyError for what is wrong with it; BffError `IDP_UNAVAILABLE` where that cannot be told
   */
  verified(token: string, metadata: ServerMetadata, clientId: string, isTrusted: boolean): Promise<Signed>
  /** Fetches the keys before they are needed. */
  prepare(metadata: ServerMetadata, clientId: string): void
  close(): Promise<void>
}

interface Means {
  readonly fetch: typeof globalThis.fetch
  readonly skewMs: number
  readonly metrics: Pick<Metrics, 'jwksRefreshFailures'>
  readonly onProblem: (error: VerifyError) => void
}

/** An asymmetric algorithm only: a secret that both sides hold proves nothing about who signed. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519']

export function providerSignatures(means: Means): Signatures {
  let held: { key: string; verifier: Verifier } | undefined

  /** The keys of one issuer are never taken for another's: another name or address begins anew. */
  function verifierFor(metadata: ServerMetadata, clientId: string): Verifier {
    const key = JSON.stringify([metadata.issuer, metadata.jwks_uri, clientId])
    if (held?.key === key) return held.verifier
    void held?.verifier.close()
    const verifier = made(means, metadata, clientId)
    held = { key, verifier }
    return verifier
  }

  return {
    prepare: (metadata, clientId) => void verifierFor(metadata, clientId),
    async verified(token, metadata, clientId, isTrusted) {
      const verifier = verifierFor(metadata, clientId)
      try {
        return signedOf(await verifier.authenticate(token))
      } catch (error) {
        if (!isKeyAbsent(error)) throw error
        if (isTrusted && (await isRefreshed(verifier))) return signedOf(verifier.verify(token))
        if (error.code === 'trust_unavailable')
          throw new BffError('IDP_UNAVAILABLE', 'the keys of the identity provider cannot be read', { cause: error })
        throw error
      }
    },
    close: async () => held?.verifier.close(),
  }
}

function made({ fetch, skewMs, metrics, onProblem }: Means, metadata: ServerMetadata, clientId: string) {
  const trust = jwksPolling({
    jwksUri: String(metadata.jwks_uri),
    fetch,
    coolDownMs: 2_000,
    // What may go in plaintext, and where, is decided where requests leave.
    dangerouslyAllowPlaintext: true,
  })
  const verifier = createVerifier({
    issuer: metadata.issuer,
    audience: clientId,
    algorithms,
    // Which one it must have depends on what the token is for.
    requiredTyp: null,
    clockToleranceMs: skewMs,
    trust,
  })
  verifier.on('asked', (outcome) => {
    if (outcome !== 'ok') metrics.jwksRefreshFailures.inc()
  })
  verifier.on('problem', onProblem)
  // Rejects only when it is closed before the first key set came.
  void verifier.start().catch((error) => onProblem(error as VerifyError))
  return verifier
}

const signedOf = ({ header, payload }: ReturnType<Verifier['verify']>): Signed => ({
  typ: header.typ?.toLowerCase().replace(/^application\//, ''),
  claims: payload,
})

const absences: readonly string[] = ['key_unknown', 'key_retired', 'trust_unavailable']
const isKeyAbsent = (error: unknown): error is VerifyError =>
  error instanceof VerifyError && absences.includes(error.code)

async function isRefreshed(verifier: Verifier): Promise<boolean> {
  try {
    await verifier.refresh()
    return true
  } catch (error) {
    if (error instanceof VerifyError) return false
    throw error
  }
}
