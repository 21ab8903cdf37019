import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { forgeToken } from '../../src/thief/forge.ts'

export const issuer = 'http://localhost:20000'
export const audience = 'urn:test'

export interface TestKey {
  kid: string
  algorithm: string
  key: KeyObject
  publicKey: KeyObject
}

export function makeKey(algorithm: 'ES256' | 'RS256', kid: string): TestKey {
  const pair =
    algorithm === 'ES256'
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { kid, algorithm, key: pair.privateKey, publicKey: pair.publicKey }
}

export function tokenBy(key: TestKey): string {
  return forgeToken(key, { issuer, audience }, Date.now())
}

/** A JWKS endpoint that counts how often it is read. */
export async function serveJwks(...keys: TestKey[]) {
  const published = new Set(keys)
  let reads = 0
  const server = createServer((_request, response) => {
    reads += 1
    const jwks = [...published].map(({ kid, algorithm, publicKey }) => {
      return { ...publicKey.export({ format: 'jwk' }), kid, alg: algorithm, use: 'sig' }
    })
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    published,
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    get reads() {
      return reads
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}
