/** Tokens checked by the keys of their issuer. */
import {
  createVerifier,
  jwksPolling,
  logTrust,
  systemClock,
  type Verifier,
  type VerifierOptions,
} from '@rekey/verifier'
import type { Surroundings } from '../calls/surroundings.ts'
import type { Idp, LocalCheck } from '../config/files/idp.ts'
import type { Issuer } from './issuer.ts'
import { expired, invalid, unavailable, type Verdict, verdictOf } from './verdict.ts'

/** Those for which there is a sound implementation, and a public key. */
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA', 'Ed25519']

/** Few issuers write `at+jwt` (RFC 9068); what calls itself something else (a logout token) is refused. */
const requiredTyp = ['at+jwt', 'JWT', null]

/** Does not wait for the keys: while there are none, nobody can tell whether a token is good. */
export function keyIssuer(idp: Idp, check: LocalCheck, around: Surroundings): Issuer {
  const { fetch, clock: wallMs } = around
  const clock = { ...systemClock, wallMs }
  const jwksUri = check.jwksUrl.href
  const trust = jwksPolling({ jwksUri, fetch, clock, dangerouslyAllowPlaintext: check.allowPlaintext })
  const { issuer, audiences: audience, leewayMs: clockToleranceMs } = idp
  const verifier = createVerifier({ issuer, audience, algorithms, trust, clockToleranceMs, requiredTyp, clock })
  observe(verifier, around)
  verifier.start().catch((error: unknown) => around.log.debug({ err: error }, 'the keys are not waited for any more'))
  return verifyingIssuer(idp, verifier)
}

const asItStands = { claims: { roles: [], permissions: [] } }

/** The one that the environment names. @throws VerifyError, TypeError when its secrets cannot be used */
export async function environmentIssuer(options: VerifierOptions, around: Surroundings): Promise<Issuer> {
  const verifier = createVerifier(options)
  const named = [options.audience].flat().filter((name) => name !== null)
  const audiences = options.audience === null ? null : named
  observe(verifier, around)
  const started = verifier.start()
  // Keys may come later. A secret is there, or will not come.
  if (options.trust.family === 'shared-secrets') await started
  else started.catch((error: unknown) => around.log.debug({ err: error }, 'the keys are not waited for any more'))
  return verifyingIssuer({ name: 'environment', issuer: verifier.issuer ?? '', audiences, ...asItStands }, verifier)
}

function observe(verifier: Verifier, { log, metrics }: Surroundings): void {
  logTrust(verifier, log)
  verifier.on('asked', (outcome) => {
    metrics.idpRequests.inc({ endpoint: 'jwks', status: outcome === 'ok' ? '200' : 'failed' })
    if (outcome !== 'ok') metrics.jwksRefreshFailures.inc()
  })
}

function verifyingIssuer(idp: Pick<Idp, 'name' | 'issuer' | 'audiences' | 'claims'>, verifier: Verifier): Issuer {
  return {
    name: idp.name,
    issuer: idp.issuer,
    audiences: idp.audiences,
    takesOpaque: false,
    async check(token): Promise<Verdict> {
      const result = await verifier.tryAuthenticate(token)
      if (result.ok) return verdictOf(token, result.token.payload, idp)
      if (result.code === 'trust_unavailable') return unavailable
      return result.code === 'token_expired' ? expired : invalid
    },
    close: () => verifier.close(),
  }
}
