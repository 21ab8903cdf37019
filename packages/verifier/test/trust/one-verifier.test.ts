import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import { createVerifier, jwksPolling, sharedSecrets, type TrustSource, trustFeed } from '../../src/index.ts'
import { one, setOf, tokenOf } from '../support/estate.ts'
import { JwksServer } from '../support/jwks-server.ts'
import { AUDIENCE, compact, goodClaims, ISSUER, makeKey, NOW_MS } from '../support/keys.ts'
import { TrustIssuer } from '../support/trust-issuer.ts'

/** A source of trust that can be started, and a token that is good by it. */
interface Started {
  readonly trust: TrustSource
  readonly algorithm: string
  readonly token: string
}

async function feed(t: TestContext): Promise<Started> {
  const issuer = await TrustIssuer.listen()
  t.after(() => issuer.close())
  void issuer.feeds.next().then((opened) => opened.send({ epoch: 1, n: 1, full: true, jwks: setOf(one) }))
  const trust = trustFeed({ url: issuer.url, clientId: 'c', clientSecret: 's', onLeaseLost: 'fail-closed' })
  return { trust, algorithm: 'ES256', token: tokenOf(one) }
}

async function polling(t: TestContext): Promise<Started> {
  const server = await JwksServer.listen()
  t.after(() => server.close())
  server.serve(setOf(one))
  return { trust: jwksPolling({ jwksUri: server.url }), algorithm: 'ES256', token: tokenOf(one) }
}

async function secrets(): Promise<Started> {
  const text = 'a secret that is shared with the issuer of the tokens'
  const signer = { ...makeKey('HS256'), sign: (input: string) => createHmac('sha256', text).update(input).digest() }
  const token = compact(signer, goodClaims(), { typ: 'at+jwt' })
  return { trust: sharedSecrets({ secrets: text }), algorithm: 'HS256', token }
}

for (const [name, make] of Object.entries({ feed, polling, secrets })) {
  describe(`a source of trust by ${name}`, { timeout: 20_000 }, () => {
    it('serves one verifier, however often that is started, and refuses a second one', async (t) => {
      const { trust, algorithm, token } = await make(t)
      const clock = { wallMs: () => NOW_MS, monotonicMs: () => 0, after: () => () => {} }
      const options = { audience: AUDIENCE, algorithms: [algorithm], trust, clock }
      const verifier = createVerifier({ ...options, issuer: ISSUER })
      t.after(() => verifier.close())
      await Promise.all([verifier.start(), verifier.start()])
      const second = createVerifier({ ...options, issuer: 'https://other.example.com' })
      await assert.rejects(second.start(), TypeError)
      await verifier.start()
      assert.ok(verifier.verify(token))
    })
  })
}
