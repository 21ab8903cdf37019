import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { APPS } from '../support/apps.ts'
import { ask, bearer } from '../support/ask.ts'
import { makeEstate, one, setOf, startWith, tokenOf, two } from '../support/estate.ts'
import { compact, goodClaims } from '../support/keys.ts'
import { until } from '../support/mailbox.ts'

const tokenWith = (claims: Record<string, unknown>): string =>
  compact(one, { ...goodClaims(), ...claims }, { typ: 'at+jwt' })

for (const [name, serve] of Object.entries(APPS)) {
  describe(`the guard for ${name}`, { timeout: 20_000 }, () => {
    it('lets a good token through, whatever the case of the scheme', async (t) => {
      const { verifier, ...estate } = await makeEstate(t)
      await startWith({ verifier, ...estate }, [one])
      const url = `${await serve(t, { verifier })}/hello`
      for (const scheme of ['Bearer', 'bearer', 'BEARER ']) {
        const { status, body } = await ask(url, { headers: { authorization: `${scheme} ${tokenOf(one)}` } })
        assert.deepEqual({ status, body }, { status: 200, body: { hello: 'agent-1' } })
      }
    })

    it('answers 401 with a bare challenge when no token was sent', async (t) => {
      const { verifier } = await makeEstate(t)
      const url = `${await serve(t, { verifier })}/hello`
      const without = ['', 'Bearer', 'Bearer ', `Basic ${tokenOf(one)}`, `Bearers ${tokenOf(one)}`]
      for (const headers of [{}, ...without.map((authorization) => ({ authorization }))]) {
        const { status, body, headers: sent } = await ask(url, { headers })
        assert.deepEqual({ status, code: body.code }, { status: 401, code: 'token_missing' })
        assert.equal(sent['www-authenticate'], 'Bearer')
      }
      assert.equal((await ask(`${url}?access_token=${tokenOf(one)}`)).body.code, 'token_missing')
    })

    it('answers 401 and says why when the token is at fault', async (t) => {
      const estate = await makeEstate(t)
      const feed = await startWith(estate, [one, two])
      const url = `${await serve(t, estate)}/hello`
      const expected = {
        [tokenWith({ exp: 1 })]: 'token_expired',
        [tokenWith({ exp: undefined })]: 'claim_missing',
        garbage: 'token_malformed',
        'a b': 'token_malformed',
      }
      for (const [token, code] of Object.entries(expected)) {
        const { status, body, headers } = await ask(url, bearer(token))
        assert.deepEqual({ status, code: body.code }, { status: 401, code })
        assert.equal(headers['www-authenticate'], `Bearer error="invalid_token", error_description="${body.message}"`)
        assert.equal(headers['content-type'], 'application/json; charset=utf-8')
        assert.equal(headers['cache-control'], 'no-store')
      }
      feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'] })
      await until(() => estate.verifier.trust.revokedKids.length === 1)
      assert.equal((await ask(url, bearer(tokenOf(one)))).body.code, 'key_revoked')
    })

    it('refuses two tokens, also when each of them is good', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = `${await serve(t, estate)}/hello`
      for (const second of [`Bearer ${tokenOf(one)}`, `DPoP ${tokenOf(one)}`]) {
        const authorization = [`Bearer ${tokenOf(one)}`, second]
        // Node's types know no list here; its client sends the field twice.
        const { status, body, headers } = await ask(url, { headers: { authorization } as never })
        assert.deepEqual({ status, code: body.code }, { status: 400, code: 'credentials_ambiguous' })
        assert.match(String(headers['www-authenticate']), /^Bearer error="invalid_request"/)
      }
    })

    it('answers 403 and names the scope when the token does not suffice', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const guard = { scopes: ['tokens:read', 'audit:read'], roles: ['operator'], realm: 'the API' }
      const url = `${await serve(t, { ...estate, guard })}/hello`
      const { status, body, headers } = await ask(url, bearer(tokenWith({ scope: 'tokens:read' })))
      assert.deepEqual({ status, code: body.code }, { status: 403, code: 'scope_missing' })
      assert.equal(
        headers['www-authenticate'],
        `Bearer realm="the API", error="insufficient_scope", error_description="${body.message}", scope="tokens:read audit:read"`,
      )
      const scope = 'audit:read tokens:read'
      assert.equal((await ask(url, bearer(tokenWith({ scope })))).body.code, 'role_missing')
      assert.equal((await ask(url, bearer(tokenWith({ scope, roles: ['operator'] })))).status, 200)
    })

    it('repeats nothing of the token in its answer', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = `${await serve(t, estate)}/hello`
      const nasty = compact(one, goodClaims(), { kid: '"><marquee>', typ: 'at+jwt' })
      const { text, body, headers } = await ask(url, bearer(nasty))
      assert.equal(body.code, 'key_unknown')
      assert.doesNotMatch(text + JSON.stringify(headers), /marquee/)
    })

    it('answers 503 with Retry-After while trust is unavailable, since the token may be good', async (t) => {
      const estate = await makeEstate(t)
      const url = `${await serve(t, estate)}/hello`
      const { status, body, headers } = await ask(url, bearer(tokenOf(one)))
      assert.deepEqual({ status, code: body.code }, { status: 503, code: 'trust_unavailable' })
      assert.equal(headers['retry-after'], '1')
      assert.equal(headers['www-authenticate'], undefined)
      const started = estate.verifier.start()
      ;(await estate.issuer.feeds.next()).send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
      await started
      assert.equal((await ask(url, bearer(tokenOf(one)))).status, 200)
    })

    it('writes coarse refusals where asked to, and gives back the correlation id', async (t) => {
      const estate = await makeEstate(t)
      await startWith(estate, [one])
      const url = `${await serve(t, { ...estate, guard: { errorBody: 'coarse', scopes: ['s'] } })}/hello`
      const headers = { 'x-correlation-id': 'trace:1-2.3_4' }
      const missing = await ask(url, { headers })
      assert.deepEqual(missing.body, {
        code: 'token_missing',
        message: 'Not authenticated',
        correlation_id: 'trace:1-2.3_4',
        details: {},
      })
      assert.equal(missing.headers['x-correlation-id'], 'trace:1-2.3_4')
      const codes = { [tokenWith({ exp: 1 })]: 'token_expired', garbage: 'token_invalid' }
      for (const [token, code] of Object.entries(codes)) {
        const { status, body, headers } = await ask(url, bearer(token))
        assert.deepEqual({ status, code: body.code }, { status: 401, code })
        assert.match(String(headers['www-authenticate']), new RegExp(`error_description="${body.message}"$`))
        assert.equal(headers['x-correlation-id'], body.correlation_id)
      }
      const forbidden = await ask(url, bearer(tokenOf(one)))
      assert.deepEqual([forbidden.status, forbidden.body.code], [403, 'insufficient_permissions'])
    })

    it('answers HEAD with the same headers and no body', async (t) => {
      const { verifier } = await makeEstate(t)
      const url = `${await serve(t, { verifier })}/hello`
      const { status, headers, text } = await ask(url, { method: 'HEAD' })
      assert.deepEqual({ status, text }, { status: 401, text: '' })
      assert.equal(headers['www-authenticate'], 'Bearer')
    })
  })
}
