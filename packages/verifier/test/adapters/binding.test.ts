import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { GuardOptions } from '../../src/http/options.ts'
import { athOf, jktOf, proofOf } from '../binding/sender.ts'
import { APPS, type Serve } from '../support/apps.ts'
import { ask } from '../support/ask.ts'
import { makeCertificate } from '../support/certificate.ts'
import { makeEstate, one, startWith } from '../support/estate.ts'
import { compact, goodClaims, makeKey, NOW_MS } from '../support/keys.ts'

const client = makeKey('ES256', 'client')
const token = compact(one, { ...goodClaims(), cnf: { jkt: jktOf(client) } }, { typ: 'at+jwt' })

let proofs = 0

function proof(htu: string, claims: Record<string, unknown> = {}): string {
  const jti = `${++proofs}`
  return proofOf(client, { jti, htm: 'GET', htu, iat: NOW_MS / 1000, ath: athOf(token), ...claims })
}

/** A served application whose clock, and that of its binding, stands at NOW_MS. */
async function started(t: TestContext, serve: Serve, { binding, ...guard }: GuardOptions = {}) {
  const estate = await makeEstate(t)
  await startWith(estate, [one])
  const { clock, verifier } = estate
  const origin = await serve(t, { verifier, guard: { binding: { clock, ...binding }, ...guard } })
  return { clock, url: `${origin}/hello` }
}

const withProof = (dpop: string) => ({ headers: { authorization: `DPoP ${token}`, dpop } })

for (const [name, serve] of Object.entries(APPS)) {
  describe(`the guard for ${name} and tokens that are bound to their sender`, { timeout: 20_000 }, () => {
    it('wants the proof of the key, made for this URL, once', async (t) => {
      const { url } = await started(t, serve)
      const good = proof(url)
      assert.equal((await ask(`${url}?page=2`, withProof(good))).status, 200)
      assert.equal((await ask(url, withProof(good))).body.code, 'proof_replayed')
      const elsewhere = await ask(url, withProof(proof('https://api.example.com/hello')))
      assert.deepEqual([elsewhere.status, elsewhere.body.code], [401, 'proof_invalid'])
      assert.match(String(elsewhere.headers['www-authenticate']), /^DPoP error="invalid_dpop_proof", .*algs="ES256 /)
    })

    it('refuses one that comes as a bearer token, and asks for the scheme DPoP', async (t) => {
      const { url } = await started(t, serve)
      const { status, body, headers } = await ask(url, { headers: { authorization: `Bearer ${token}` } })
      assert.deepEqual([status, body.code], [401, 'proof_missing'])
      assert.match(String(headers['www-authenticate']), /^DPoP error=/)
    })

    it('holds it against its sender also where no binding was asked for', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = `${await serve(t, { verifier: estate.verifier })}/hello`
      const unproven = await ask(url, { headers: { authorization: `Bearer ${token}` } })
      assert.deepEqual([unproven.status, unproven.body.code], [401, 'proof_missing'])
    })

    it('knows the URL that clients use behind a proxy, and believes no forwarded header', async (t) => {
      const baseUrl = 'https://api.example.com/v1/'
      const { url } = await started(t, serve, { baseUrl })
      assert.equal((await ask(url, withProof(proof('https://api.example.com/v1/hello')))).status, 200)
      const direct = await started(t, serve)
      const { headers } = withProof(proof('https://api.example.com/hello'))
      const forwarded = {
        ...headers,
        'x-forwarded-proto': 'https',
        'x-forwarded-host': 'api.example.com',
        forwarded: 'proto=https;host=api.example.com',
      }
      assert.equal((await ask(direct.url, { headers: forwarded })).body.code, 'proof_invalid')
    })

    it('is not fooled by a Host header that goes on as a path', async (t) => {
      const { url } = await started(t, serve)
      const askAt = (host: string) => {
        const { headers } = withProof(proof('http://api.example.com/harmless'))
        return ask(url, { headers: { ...headers, host } })
      }
      for (const host of ['api.example.com/harmless?', 'api.example.com/harmless#', 'api.example.com/harmless?x=']) {
        const { status } = await askAt(host)
        // A server of the Fetch API refuses the request before anybody sees it.
        assert.ok(status === 401 || status === 400, `${status}`)
      }
      const { headers } = withProof(proof('http://api.example.com/hello'))
      assert.equal((await ask(url, { headers: { ...headers, host: 'api.example.com' } })).status, 200)
    })

    it('gives the nonce that it wants, and a fresh one with each answer', async (t) => {
      const { url, clock } = await started(t, serve, { binding: { dpop: { nonces: {} } } })
      const first = await ask(url, withProof(proof(url)))
      assert.deepEqual([first.status, first.body.code], [401, 'proof_nonce_required'])
      assert.match(String(first.headers['www-authenticate']), /^DPoP error="use_dpop_nonce"/)
      const nonce = first.headers['dpop-nonce']
      assert.equal(typeof nonce, 'string')
      clock.advance(60_000)
      const second = await ask(url, withProof(proof(url, { nonce, iat: clock.wallMs() / 1000 })))
      assert.equal(second.status, 200)
      assert.equal(typeof second.headers['dpop-nonce'], 'string')
      assert.notEqual(second.headers['dpop-nonce'], nonce)
    })

    it('names both schemes to who sends no token where proofs are wanted', async (t) => {
      const { url } = await started(t, serve, { realm: 'r', binding: { dpop: { algorithms: ['ES256'] } } })
      const { headers } = await ask(url)
      assert.equal(headers['www-authenticate'], 'Bearer realm="r", DPoP realm="r", algs="ES256"')
    })

    // A handler of the Fetch API does not see its connection: see test/http/fetch.test.ts.
    if (name === 'fetch') return
    it('takes the client certificate from the TLS connection', async (t) => {
      const [server, mine, other] = [makeCertificate(), makeCertificate(), makeCertificate()]
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const tls = { key: server.key, cert: server.cert, requestCert: true, rejectUnauthorized: false }
      const url = `${await serve(t, { verifier: estate.verifier, tls })}/hello`
      const x5t = createHash('sha256').update(mine.der).digest('base64url')
      const bound = compact(one, { ...goodClaims(), cnf: { 'x5t#S256': x5t } }, { typ: 'at+jwt' })
      const headers = { authorization: `Bearer ${bound}` }
      const askAs = (certificate?: { key: string; cert: string }) =>
        ask(url, { headers, rejectUnauthorized: false, ...certificate } as never)
      assert.equal((await askAs(mine)).status, 200)
      assert.equal((await askAs(other)).body.code, 'certificate_mismatch')
      assert.equal((await askAs()).body.code, 'certificate_missing')
    })
  })
}
