import { createRemoteJWKSet, jwtVerify } from 'jose'
import { type ApiSettings, algorithms, type Checker } from './checker.ts'

export async function joseCheck({ issuer, audience, jwksUri }: ApiSettings): Promise<Checker> {
  const jwks = createRemoteJWKSet(new URL(jwksUri))
  return {
    check: async (token) => {
      await jwtVerify(token, jwks, { issuer, audience, algorithms: [...algorithms] })
    },
    close: async () => {},
  }
}
