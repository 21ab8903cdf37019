import assert from 'node:assert/strict'
import { once } from 'node:events'
import { appendFile, rename, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { Cancel } from '../../src/clock.ts'
import type { InternalAction, InternalOptions } from '../../src/http/internal/endpoints.ts'
import { APPS, type Serve } from '../support/apps.ts'
import { answerOf, ask, bearer } from '../support/ask.ts'
import { HandClock } from '../support/clock.ts'
import { one, setOf, tokenOf, two } from '../support/estate.ts'
import { emptyFolder } from '../support/folder.ts'
import { NOW_MS } from '../support/keys.ts'
import { Mailbox } from '../support/mailbox.ts'
import { makeSteered } from '../support/steered.ts'

const REFRESH = '/internal/auth/jwks/refresh'
const DENY = '/internal/auth/deny'
const SECRET = 'a secret of operators'
const env = { INTERNAL_JWKS_REFRESH_TOKEN: SECRET }

/** A clock that tells how long its timers are. */
class ObservedClock extends HandClock {
  readonly timers = new Mailbox<number>()

  override after(delayMs: number, act: () => void): Cancel {
    this.timers.put(delayMs)
    return super.after(delayMs, act)
  }
}

/** An application with its verifier, and a caller who knows the secret. */
async function started(t: TestContext, serve: Serve, internal: InternalOptions = { env }) {
  const steered = await makeSteered(t, one)
  const { clock, verifier } = steered
  const origin = await serve(t, { verifier, control: verifier, internal: { clock, ...internal } })
  const call = (method: string, path: string, body?: unknown) =>
    ask(origin + path, {
      method,
      headers: { authorization: `Bearer ${SECRET}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const hello = async (token: string) => (await ask(`${origin}/hello`, bearer(token))).status
  return { ...steered, origin, call, hello }
}

/** A POST of entries whose body is sent by hand. */
function slowPost(origin: string, headers: Record<string, string> = {}, agent: Agent | false = false) {
  const sending = request(origin + DENY, {
    method: 'POST',
    agent,
    headers: { authorization: `Bearer ${SECRET}`, 'content-type': 'application/json', ...headers },
  })
  const answer = once(sending, 'response').then(([response]) => answerOf(response as IncomingMessage))
  return { sending, answer }
}

for (const [name, serve] of Object.entries(APPS)) {
  // There the framework reads the body, by rules of its own.
  const readsItself = name !== 'express behind express.json'

  describe(`the internal endpoints for ${name}`, { timeout: 20_000 }, () => {
    it('replace the key set when told to, and say what came of it', async (t) => {
      const { jwks, verifier, call, hello } = await started(t, serve)
      jwks.serve(setOf(two))
      const { status, body, headers } = await call('POST', REFRESH)
      assert.equal(status, 200)
      const issuer = 'https://idp.example.com'
      const { instance } = verifier
      const change = { kids: ['two'], added: ['two'], removed: ['one'], revoked: [] }
      assert.deepEqual(body, { issuer, revision: null, ...change, instance })
      assert.equal(headers['content-type'], 'application/json; charset=utf-8')
      assert.equal(headers['cache-control'], 'no-store')
      assert.deepEqual([await hello(tokenOf(one)), await hello(tokenOf(two))], [401, 200])
    })

    it('answer 502 when the issuer is down, and keep what was held', async (t) => {
      const { jwks, call, hello } = await started(t, serve)
      jwks.answer = (response) => response.writeHead(500).end()
      const { status, body } = await call('POST', REFRESH)
      assert.deepEqual([status, body.code, typeof body.message], [502, 'jwks_failed', 'string'])
      assert.equal(await hello(tokenOf(one)), 200)
    })

    it('do not mind what is sent along with a refresh', async (t) => {
      const { call, origin } = await started(t, serve)
      assert.equal((await call('POST', REFRESH, '{}')).status, 200)
      const headers = { ...bearer(SECRET).headers, 'content-type': 'application/x-www-form-urlencoded' }
      assert.equal((await ask(origin + REFRESH, { method: 'POST', headers, body: '' })).status, 200)
    })

    it('deny from the next request on, list what is denied, and take it back', async (t) => {
      const { verifier, call, hello } = await started(t, serve)
      const jti = { jti: 'j-1', expiresAt: '2027-01-15T09:00:00.000Z' }
      const client = { client_id: 'c-1', issuedBefore: '2027-01-15T08:00:00.000Z' }
      assert.equal(await hello(tokenOf(one)), 200)
      const denied = await call('POST', DENY, { entries: [jti, client] })
      assert.deepEqual([denied.status, denied.body], [200, { entries: [jti, client], instance: verifier.instance }])
      assert.equal(await hello(tokenOf(one)), 401)
      const { status, body, headers } = await call('GET', DENY)
      assert.equal(status, 200)
      assert.deepEqual(
        body.entries.map(({ until: _, ...entry }: { until: unknown }) => entry),
        [
          { ...jti, origin: 'operator' },
          { ...client, origin: 'operator' },
        ],
      )
      assert.ok(body.entries.every(({ until }: { until: string }) => Date.parse(until) > Date.parse(jti.expiresAt)))
      assert.equal(headers['cache-control'], 'no-store')
      const taken = await call('DELETE', DENY, { entries: [jti] })
      assert.deepEqual([taken.status, taken.body], [200, { entries: [jti], removed: 1 }])
      assert.equal(await hello(tokenOf(one)), 200)
      const query = new URLSearchParams(client)
      assert.deepEqual((await call('DELETE', `${DENY}?${query}`)).body, { entries: [client], removed: 1 })
      assert.equal((await call('DELETE', `${DENY}?${query}`)).body.removed, 0)
      assert.deepEqual((await call('GET', DENY)).body, { entries: [] })
    })

    it('list a hundred thousand entries', async (t) => {
      const { call, verifier } = await started(t, serve)
      const tenThousand = (from: number) => Array.from({ length: 10_000 }, (_, n) => ({ jti: `token ${from + n}` }))
      for (let from = 0; from < 100_000; from += 10_000) await verifier.deny(tenThousand(from))
      const { entries } = (await call('GET', DENY)).body
      assert.equal(entries.length, 100_000)
      assert.equal(new Set(entries.map(({ jti }: { jti: string }) => jti)).size, 100_000)
    })

    it('say when a denial is in force and may not outlive the process', async (t) => {
      const { call, hello, stateFile } = await started(t, serve)
      await appendFile(stateFile, 'written by somebody else\n')
      const { status, body } = await call('POST', DENY, { entries: [{ jti: 'j-1' }] })
      assert.deepEqual([status, body.code], [503, 'deny_file_failed'])
      assert.match(body.message, /^in force in this process, but not over a restart/)
      assert.equal(await hello(tokenOf(one)), 401)
    })

    it('are only for who knows the secret', async (t) => {
      const { origin } = await started(t, serve)
      const post = (headers: object) => ask(origin + REFRESH, { method: 'POST', headers: headers as never })
      for (const authorization of [undefined, '', 'Bearer', `Basic ${SECRET}`]) {
        const { status, body, headers } = await post(authorization === undefined ? {} : { authorization })
        assert.deepEqual([status, body.code, headers['www-authenticate']], [401, 'token_missing', 'Bearer'])
        assert.equal(headers['cache-control'], 'no-store')
      }
      const wrong = [`Bearer ${SECRET}x`, `Bearer ${SECRET.toUpperCase()}`, `DPoP ${SECRET}`, 'Bearer x, Bearer y']
      for (const authorization of [...wrong, [`Bearer ${SECRET}`, 'Bearer x']]) {
        const { status, body, headers } = await post({ authorization })
        assert.deepEqual([status, body.code], [401, 'token_invalid'])
        assert.equal(headers['www-authenticate'], 'Bearer error="invalid_token"')
      }
      assert.equal((await ask(`${origin}${REFRESH}?access_token=${SECRET}`, { method: 'POST' })).status, 401)
      assert.equal((await post({ authorization: `bearer ${SECRET}` })).status, 200)
    })

    it('know two secrets while they are being exchanged, from the environment or a file', async (t) => {
      const file = join(await emptyFolder(t), 'token')
      await writeFile(file, 'old\n')
      const post = async (origin: string, secret: string) =>
        (await ask(origin + REFRESH, { method: 'POST', ...bearer(secret) })).status
      const both = await started(t, serve, { env: { INTERNAL_JWKS_REFRESH_TOKEN: 'new,old' } })
      assert.deepEqual([await post(both.origin, 'new'), await post(both.origin, 'old')], [200, 200])
      for (const internal of [
        { env: { INTERNAL_JWKS_REFRESH_TOKEN_FILE: file } },
        { env: {}, token: `file:${file}` },
      ]) {
        await writeFile(file, 'old\n')
        const { origin, clock } = await started(t, serve, internal)
        assert.deepEqual([await post(origin, 'new'), await post(origin, 'old')], [401, 200])
        await writeFile(`${file}.next`, 'new\n')
        await rename(`${file}.next`, file)
        clock.advance(1_000)
        // The file is read while requests are served.
        while ((await post(origin, 'new')) !== 200);
        assert.equal(await post(origin, 'old'), 401)
      }
    })

    it('are not there without a secret: what answers is the application', async (t) => {
      for (const environment of [{}, { INTERNAL_JWKS_REFRESH_TOKEN: '' }]) {
        const { call } = await started(t, serve, { env: environment })
        for (const path of [REFRESH, DENY]) {
          const { status, text } = await call('POST', path, {})
          assert.equal(status, 404)
          const unknown = await call('POST', '/nowhere', {})
          assert.equal(text.replaceAll(path, ''), unknown.text.replaceAll('/nowhere', ''))
        }
      }
    })

    it('leave the paths around them to the application', async (t) => {
      const { call } = await started(t, serve)
      for (const path of ['/internal', `${REFRESH}/`, `${DENY}/x`, `/x${DENY}`]) {
        const { status, body } = await call('POST', path, {})
        assert.equal(status, 404, path)
        assert.notEqual(body?.code, 'method_not_allowed')
      }
    })

    it('name the methods that they know', async (t) => {
      const { call } = await started(t, serve)
      for (const method of ['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
        const { status, body, headers } = await call(method, REFRESH)
        assert.deepEqual([status, body.code, headers.allow], [405, 'method_not_allowed', 'POST'])
      }
      assert.equal((await call('HEAD', REFRESH)).status, 405)
      assert.equal((await call('PUT', DENY, {})).headers.allow, 'GET, POST, DELETE')
    })

    it('refuse a body that is not what they want, and change nothing', async (t) => {
      const { call, origin } = await started(t, serve)
      const headers = { ...bearer(SECRET).headers, 'content-type': 'text/plain' }
      const text = await ask(origin + DENY, { method: 'POST', headers, body: '{"entries":[{"jti":"x"}]}' })
      assert.deepEqual([text.status, text.body.code], [415, 'content_type_unsupported'])
      assert.equal((await call('POST', DENY)).status, 415)
      for (const entries of [undefined, {}, [{}], [{ jti: 'good' }, { sub: 'no time' }], [{ jti: '<script>', x: 1 }]]) {
        const { status, body, text } = await call('POST', DENY, { entries })
        assert.deepEqual([status, body.code], [400, 'deny_entry_invalid'])
        assert.doesNotMatch(text, /script/)
      }
      assert.equal((await call('DELETE', `${DENY}?jti=a&jti=b`)).status, 400)
      assert.equal((await call('DELETE', `${DENY}?what=a`)).status, 400)
      for (const body of ['{"entries":', '', '\u0000', 'null', '[]', '"text"']) {
        assert.equal((await call('POST', DENY, body)).status, 400, body)
      }
      assert.deepEqual((await call('GET', DENY)).body, { entries: [] })
    })

    it('read no more than a megabyte', async (t) => {
      const { call, origin } = await started(t, serve)
      const huge = `{"entries":[]${' '.repeat(3 * 1_048_576)}}`
      const declared = await call('POST', DENY, huge)
      assert.deepEqual([declared.status, declared.body.code], [413, 'body_too_large'])
      if (!readsItself) return
      const { sending, answer } = slowPost(origin, { 'transfer-encoding': 'chunked' })
      sending.end(huge)
      const { status, body } = await answer
      assert.deepEqual([status, body.code], [413, 'body_too_large'])
    })

    // Handlers of the Fetch API have no say in this: their server closes such a connection.
    if (name !== 'hono' && name !== 'fetch')
      it('leave the connection usable after a body that was not read to its end', async (t) => {
        const { origin } = await started(t, serve)
        const agent = new Agent({ keepAlive: true, maxSockets: 1 })
        t.after(() => agent.destroy())
        const { sending, answer } = slowPost(origin, { 'transfer-encoding': 'chunked' }, agent)
        sending.end(' '.repeat(5 * 1_048_576))
        assert.equal((await answer).status, 413)
        assert.equal((await ask(origin + DENY, { ...bearer(SECRET), agent })).status, 200)
      })

    it('wait for a slow body while others are served, but not for ever', async (t) => {
      const clock = new ObservedClock(NOW_MS)
      const { origin, hello, call } = await started(t, serve, { env, clock })
      const slow = slowPost(origin)
      slow.sending.write('{"entries":[')
      assert.equal(await hello(tokenOf(one)), 200)
      slow.sending.end('{"jti":"j-1"}]}')
      assert.equal((await slow.answer).status, 200)
      if (!readsItself) return
      assert.equal(await clock.timers.next(), 10_000)
      const stalled = slowPost(origin)
      stalled.sending.write('{"entries":[')
      assert.equal(await clock.timers.next(), 10_000)
      clock.advance(10_000)
      const { status, body } = await stalled.answer
      assert.deepEqual([status, body.code], [408, 'body_timeout'])
      stalled.sending.destroy()
      assert.equal((await call('GET', DENY)).status, 200)
    })

    it('survive a caller who goes away in the middle', async (t) => {
      const actions = new Mailbox<InternalAction>()
      const { origin, call } = await started(t, serve, { env, onAction: (action) => actions.put(action) })
      const leaving = slowPost(origin)
      leaving.answer.catch(() => {})
      leaving.sending.write('{"entries":[')
      if (readsItself) {
        await call('POST', REFRESH)
        await actions.next()
        leaving.sending.destroy()
        assert.equal((await actions.next()).status, 400)
      } else leaving.sending.destroy()
      assert.equal((await call('POST', REFRESH)).status, 200)
    })

    it('report what was asked and what came of it', async (t) => {
      const actions = new Mailbox<InternalAction>()
      const { call, origin } = await started(t, serve, { env, onAction: (action) => actions.put(action) })
      const { text } = await call('POST', REFRESH)
      assert.deepEqual(await actions.next(), { method: 'POST', path: REFRESH, status: 200, answer: text })
      await ask(origin + DENY)
      assert.equal((await actions.next()).status, 401)
      await call('GET', DENY)
      assert.deepEqual(await actions.next(), { method: 'GET', path: DENY, status: 200, answer: undefined })
    })
  })
}
