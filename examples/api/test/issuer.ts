import { generateKeyPairSync, type JsonWebKey, type KeyObject, randomUUID, sign } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

interface Key {
  kid: string
  privateKey: KeyObject
  jwk: JsonWebKey
}

/** An issuer over real HTTP: signs tokens with real keys, feeds trust and grants leases. */
export class Issuer {
  readonly #server = createServer((request, response) => this.#answer(request.method, request.url ?? '', response))
  readonly #keys: Key[] = []
  readonly #revoked: string[] = []
  readonly #feeds = new Set<ServerResponse>()
  readonly #goodbye = Promise.withResolvers<void>()
  /** Resolves when a verifier has said goodbye. */
  readonly goodbye: Promise<void> = this.#goodbye.promise
  #n = 1

  async start(): Promise<void> {
    this.addKey()
    this.#server.listen(0, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  get kid(): string {
    return this.#keys.at(-1)?.kid ?? ''
  }

  addKey(): void {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const kid = randomUUID()
    this.#keys.push({ kid, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' } })
    this.#publish()
  }

  revoke(kid: string): void {
    this.#revoked.push(kid)
    this.#publish()
  }

  token(claims: object = {}): string {
    const key = this.#keys.at(-1) as Key
    const now = Math.floor(Date.now() / 1000)
    const payload = { iss: this.url, aud: 'urn:rekey:api', sub: 'agent-1', iat: now, exp: now + 300, ...claims }
    const input = [{ alg: 'ES256', typ: 'at+jwt', kid: key.kid }, payload]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' })
    return `${input}.${signature.toString('base64url')}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    this.#server.close()
    await once(this.#server, 'close')
  }

  #publish(): void {
    this.#n += 1
    for (const feed of this.#feeds) feed.write(this.#event())
  }

  #event(): string {
    const keys = this.#keys.filter(({ kid }) => !this.#revoked.includes(kid)).map(({ jwk }) => jwk)
    const data = { epoch: 1, n: this.#n, full: true, jwks: { keys }, revokedKids: this.#revoked, leaseSeconds: 15 }
    return `event: trust\nid: 1.${this.#n}\ndata: ${JSON.stringify(data)}\n\n`
  }

  #answer(method = '', url: string, response: ServerResponse): void {
    if (url.startsWith('/trust/feed')) {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(this.#event())
      this.#feeds.add(response)
      response.once('close', () => this.#feeds.delete(response))
    } else if (method === 'DELETE') {
      this.#goodbye.resolve()
      response.writeHead(204).end()
    } else {
      const lease = { epoch: 1, n: this.#n, leaseSeconds: 15 }
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(lease))
    }
  }
}
