import { generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export const ISSUER = 'https://idp.example.com'
export const AUDIENCE = 'urn:example:api'

/** An issuer with a JWKS and access tokens as RFC 9068 has them, and nothing that is special to Rekey. */
export class AnyIssuer {
  readonly #keys = new Map<string, { privateKey: KeyObject; publicKey: KeyObject }>()
  readonly #published = new Set<string>()
  readonly #server: Server

  private constructor(kids: readonly string[]) {
    for (const kid of kids) {
      this.#keys.set(kid, generateKeyPairSync('ec', { namedCurve: 'P-256' }))
      this.#published.add(kid)
    }
    this.#server = createServer((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: this.#jwks() }))
    })
  }

  static async listen(...kids: string[]): Promise<AnyIssuer> {
    const issuer = new AnyIssuer(kids)
    await once(issuer.#server.listen(0, '127.0.0.1'), 'listening')
    return issuer
  }

  get jwksUri(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/.well-known/jwks.json`
  }

  withdraw(kid: string): void {
    this.#published.delete(kid)
  }

  /** A token that was issued a minute ago and is good for an hour. */
  token(kid: string, sub: string): string {
    const iat = Math.floor(Date.now() / 1000) - 60
    const claims = { iss: ISSUER, aud: AUDIENCE, sub, client_id: 'shop', iat, exp: iat + 3600, jti: randomUUID() }
    const input = [{ alg: 'ES256', typ: 'at+jwt', kid }, claims].map(encode).join('.')
    const key = this.#keys.get(kid)?.privateKey
    if (key === undefined) throw new Error(`there is no key ${kid}`)
    const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #jwks(): object[] {
    const listed = [...this.#keys].filter(([kid]) => this.#published.has(kid))
    return listed.map(([kid, { publicKey }]) => ({
      ...publicKey.export({ format: 'jwk' }),
      kid,
      use: 'sig',
      alg: 'ES256',
    }))
  }
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
