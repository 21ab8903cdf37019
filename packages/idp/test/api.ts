import { createVerifier, trustFeed, type Verifier } from '@rekey/verifier'
import { type TestInstance, verifier } from './estate.ts'

/**
 * What an API has: a real verifier on the feed, which remembers good tokens.
 *
 * @param feed the instance that tells it what to trust
 */
export async function startApi(issuer: TestInstance, feed = issuer): Promise<Verifier> {
  const api = createVerifier({
    issuer: issuer.url,
    audience: 'urn:rekey:api',
    algorithms: ['ES256'],
    verdictCache: { maxEntries: 100 },
    trust: trustFeed({ issuer: feed.url, ...verifier, onLeaseLost: 'fail-closed' }),
  })
  await api.start()
  return api
}

/** `ok`, or the code by which it refuses. */
export function verdictOf(api: Verifier, token: string): string {
  const result = api.tryVerify(token)
  return result.ok ? 'ok' : result.code
}
