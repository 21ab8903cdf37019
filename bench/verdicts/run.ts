/**
 * `npm run bench:verdicts`: tokens that were seen before, verified by the verdict cache and by that of fast-jwt. Theirs
 * believes what it remembers; ours asks at every use whether the key is still trusted, the lease held, the token not
 * denied: that a revocation and a denial take effect on a remembered token is checked before anything is measured. Each
 * token comes as a string of its own, as it comes out of a request, out of 1,000 different ones.
 */
import assert from 'node:assert/strict'
import { createVerifier, type TrustSource, VerifyError } from '@rekey/verifier'
import * as fastJwt from 'fast-jwt'
import type { Contestant } from '../verify/contestants.ts'
import { median, race } from '../verify/race.ts'
import { type AlgorithmName, type Sample, samplesOf } from '../verify/token.ts'

const TOKENS = 1_000
const AT_LEAST = 0.8

/** A trust source whose keys the benchmark sets by hand: what is measured is the way of a token. */
function handTrust(samples: readonly Sample[]) {
  const [first] = samples as [Sample]
  const revoked = new Set<string>()
  const state = { jwks: { keys: [first.jwk] } }
  const source: TrustSource = {
    start: async () => undefined,
    keys: () => state.jwks,
    isRevoked: (kid) => revoked.has(kid),
    whyAbsent: () => 'key_unknown',
    snapshot: () => ({ held: true, revision: null, kids: [], revokedKids: [], leaseLeftMs: 1, ageMs: 0 }),
    refresh: async () => ({ added: [], removed: [], revoked: [] }),
    lookAgain: async () => false,
    close: async () => undefined,
  }
  return { source, revoked, state }
}

/** As it comes out of a header: another string object each time, of the same text. */
function presented(tokens: readonly string[]): () => string {
  const headers = tokens.map((token) => Buffer.from(`Bearer ${token}`, 'latin1'))
  let turn = 0
  return () => {
    turn = (turn + 1) % headers.length
    return (headers[turn] as Buffer).toString('latin1', 7)
  }
}

async function ours(samples: readonly Sample[]): Promise<Contestant> {
  const [{ algorithm, issuer, audience, jwk }] = samples as [Sample]
  const { source, revoked, state } = handTrust(samples)
  const verifier = createVerifier({
    issuer,
    audience,
    algorithms: [algorithm],
    trust: source,
    verdictCache: { maxEntries: 10 * TOKENS },
  })
  await verifier.start()
  const next = presented(samples.map(({ token }) => token))
  for (const { token } of samples) verifier.verify(token)
  await honours(verifier, samples, { revoked, state, kid: jwk.kid })
  for (const { token } of samples) verifier.verify(token)
  return { name: 'rekey, verdict cache', run: () => verifier.verify(next()) }
}

/** A cache that is quick because it does not look would be no contestant. */
async function honours(
  verifier: ReturnType<typeof createVerifier>,
  samples: readonly Sample[],
  { revoked, state, kid }: { revoked: Set<string>; state: { jwks: { keys: Sample['jwk'][] } }; kid: string },
): Promise<void> {
  const [{ token }] = samples as [Sample]
  const refused = (code: string) =>
    assert.throws(
      () => verifier.verify(token),
      (error) => error instanceof VerifyError && error.code === code,
    )
  revoked.add(kid)
  refused('key_revoked')
  revoked.clear()
  const { jti } = verifier.verify(token).payload
  await verifier.deny([{ jti: String(jti) }])
  refused('token_denied')
  await verifier.allow([{ jti: String(jti) }])
  const { jwks } = state
  state.jwks = { keys: [] }
  refused('key_unknown')
  state.jwks = jwks
  assert.ok(verifier.verify(token))
}

function theirs(samples: readonly Sample[]): Contestant {
  const [{ algorithm, publicKey, issuer, audience }] = samples as [Sample]
  const key = publicKey.export({ format: 'pem', type: 'spki' }).toString()
  const algorithms = [algorithm] as fastJwt.Algorithm[]
  const verify = fastJwt.createVerifier({
    key,
    cache: 10 * TOKENS,
    algorithms,
    allowedIss: issuer,
    allowedAud: audience,
  })
  for (const { token } of samples) verify(token)
  const next = presented(samples.map(({ token }) => token))
  return { name: 'fast-jwt, cache hit', run: () => verify(next()) }
}

async function measure(algorithm: AlgorithmName): Promise<boolean> {
  const samples = samplesOf(algorithm, TOKENS)
  const contestants = [await ours(samples), theirs(samples)]
  const rates = await race(contestants)
  const [own = [], other = []] = contestants.map(({ name }) => rates.get(name) ?? [])
  const ratio = median(own.map((rate, round) => rate / (other[round] ?? Number.NaN)))
  for (const [name, all] of rates)
    console.log(`  ${name.padEnd(22)}${Math.round(median(all)).toLocaleString('en').padStart(9)} /s`)
  console.log(
    `${algorithm}: ${ratio.toFixed(2)} x fast-jwt  target ${AT_LEAST}  ${ratio >= AT_LEAST ? 'met' : 'MISSED'}\n`,
  )
  return ratio >= AT_LEAST
}

let met = true
for (const algorithm of ['ES256', 'RS256'] as const) met = (await measure(algorithm)) && met
process.exitCode = met ? 0 : 1
