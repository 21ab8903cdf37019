import { createVerifier, trustFeed } from '@rekey/verifier'
import { type ApiSettings, algorithms, type Checker } from './checker.ts'

/** Ours, by feed: trust is pushed, held on a lease, and acknowledged. */
export async function feedCheck({ issuer, idps, audience, trust }: ApiSettings): Promise<Checker> {
  const source = trustFeed({ issuer, url: idps, ...trust, onLeaseLost: 'fail-closed' })
  const verifier = createVerifier({ issuer, audience, algorithms, trust: source })
  await verifier.start()
  return {
    check: async (token) => {
      await verifier.authenticate(token)
    },
    close: () => verifier.close(),
  }
}
