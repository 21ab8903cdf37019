import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { portOf } from '../token/announce.ts'

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

interface Key {
  readonly kid: string
  readonly privateKey: KeyObject
  readonly jwk: object
}

/** An issuer that publishes a JWKS and signs by its newest key. */
export class Issuer {
  readonly #server = createServer((_request, response) => {
    this.fetches++
    response.setHeader('content-type', 'application/jwk-set+json')
    response.end(JSON.stringify({ keys: this.#keys.map(({ jwk }) => jwk) }))
  })
  #keys: Key[] = []
  #made = 0
  fetches = 0

  async start(): Promise<void> {
    this.addKey()
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get url(): string {
    return `http://127.0.0.1:${portOf(this.#server)}`
  }

  addKey(): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const kid = `key-${this.#made++}`
    const jwk = { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }
    this.#keys.push({ kid, privateKey, jwk })
  }

  /** Withdraws all keys but the newest. */
  dropOldKeys(): void {
    this.#keys = this.#keys.slice(-1)
  }

  /** A token by the newest key. */
  token(): string {
    const { kid, privateKey } = this.#keys.at(-1) as Key
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: this.url, aud: 'urn:bench', sub: 'load', iat, exp: iat + 600 }
    const input = `${encode({ alg: 'ES256', typ: 'at+jwt', kid })}.${encode(claims)}`
    const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  stop(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
