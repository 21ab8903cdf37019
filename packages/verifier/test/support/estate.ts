import { once } from 'node:events'
import type { TestContext } from 'node:test'
import {
  createVerifier,
  type Jwk,
  type TrustFeedOptions,
  trustFeed,
  type Verifier,
  type VerifierOptions,
} from '../../src/index.ts'
import { HandClock } from './clock.ts'
import { AUDIENCE, compact, goodClaims, ISSUER, makeKey, NOW_MS, type SigningKey } from './keys.ts'
import { type OpenFeed, TrustIssuer } from './trust-issuer.ts'

export const one = makeKey('ES256', 'one')
export const two = makeKey('ES256', 'two')

export const setOf = (...keys: SigningKey[]): { keys: Jwk[] } => ({ keys: keys.map((key) => key.jwk) })
export const tokenOf = (key: SigningKey): string => compact(key, goodClaims(), { typ: 'at+jwt' })

/** A token by a key that no issuer lists, another one for each number. */
export const stranger = (i: number): string => compact(one, goodClaims(), { typ: 'at+jwt', kid: `random-${i}` })
export const strangers = (count: number): string[] => Array.from({ length: count }, (_, i) => stranger(i))

/** A verifier on the feed of a real issuer, both under the hand of the test. */
export interface Estate {
  readonly issuer: TrustIssuer
  readonly clock: HandClock
  readonly verifier: Verifier
  readonly problems: string[]
}

export async function makeEstate(
  test: TestContext,
  options: Partial<TrustFeedOptions> & { issuerServer?: TrustIssuer; verifierOptions?: Partial<VerifierOptions> } = {},
): Promise<Estate> {
  const { issuerServer, verifierOptions, ...feedOptions } = options
  const issuer = issuerServer ?? (await TrustIssuer.listen())
  const clock = new HandClock(NOW_MS)
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: AUDIENCE,
    algorithms: ['ES256'],
    clock,
    trust: trustFeed({
      url: issuer.url,
      clientId: 'verifier 1',
      clientSecret: 's:ecret',
      onLeaseLost: 'fail-closed',
      instance: 'api-1',
      clock,
      random: () => 0.5,
      ...feedOptions,
    }),
    ...verifierOptions,
  })
  const problems: string[] = []
  verifier.on('problem', (error) => problems.push(error.code))
  test.after(async () => {
    await verifier.close()
    await issuer.close()
  })
  return { issuer, clock, verifier, problems }
}

/** Starts the verifier and gives it its first set; resolves when trust is held. */
export async function startWith(estate: Estate, keys: SigningKey[], epoch = 1, n = 1): Promise<OpenFeed> {
  const started = estate.verifier.start()
  const feed = await estate.issuer.feeds.next()
  feed.send({ epoch, n, full: true, jwks: setOf(...keys) })
  await estate.issuer.leases.next()
  await started
  return feed
}

/** The next event of a verifier. */
export const heard = (verifier: Verifier, event: 'keyAdded' | 'keyRevoked' | 'keyRemoved' | 'problem' | 'leaseLost') =>
  once(verifier, event)
