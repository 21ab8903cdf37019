import { createVerifier, jwksPolling } from '@rekey/verifier'
import { type ApiSettings, algorithms, type Checker } from './checker.ts'

/** Ours, by polling: for issuers that have nothing but a JWKS. */
export async function pollingCheck({ issuer, audience, jwksUri }: ApiSettings): Promise<Checker> {
  const verifier = createVerifier({ issuer, audience, algorithms, trust: jwksPolling({ jwksUri }) })
  await verifier.start()
  return {
    check: async (token) => {
      await verifier.authenticate(token)
    },
    close: () => verifier.close(),
  }
}
