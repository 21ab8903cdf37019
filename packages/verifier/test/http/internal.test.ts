import assert from 'node:assert/strict'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { VerifyError } from '../../src/error.ts'
import {
  type Controlled,
  type InternalOptions,
  type InternalRequest,
  internalEndpoints,
} from '../../src/http/internal/endpoints.ts'
import { emptyFolder } from '../support/folder.ts'
import { refused } from '../support/keys.ts'

const refreshed = (issuer: string) => ({ issuer, revision: null, kids: ['a'], added: ['a'], removed: [], revoked: [] })

const control: Controlled = {
  refresh: async () => [refreshed('one'), refreshed('two')],
  deny: async () => undefined,
  allow: async () => 0,
  denied: () => [],
}

function requestTo(path: string, body: unknown = undefined, headers: Record<string, string> = {}): InternalRequest {
  const all: Record<string, string> = { authorization: 'Bearer s', 'content-type': 'application/json', ...headers }
  const query = new URLSearchParams()
  return { method: 'POST', path, query, header: (name) => all[name], body: () => ({ parsed: () => body }) }
}

const ask = (request: InternalRequest, of: Controlled = control) =>
  internalEndpoints(of, { token: 's', env: {} }).answer(request)

const REFRESH = '/internal/auth/jwks/refresh'
const DENY = '/internal/auth/deny'

describe('the internal endpoints', () => {
  it('tell of every issuer where there are several', async () => {
    const { status, text } = await ask(requestTo(REFRESH))
    assert.equal(status, 200)
    assert.deepEqual(JSON.parse(String(text)), { issuers: [refreshed('one'), refreshed('two')] })
  })

  it('show of a refresh what they promise, and nothing else of it', async () => {
    const more = { ...refreshed('one'), internals: 'x' }
    const { text } = await ask(requestTo(REFRESH), { ...control, refresh: async () => more })
    assert.deepEqual(JSON.parse(String(text)), refreshed('one'))
  })

  it('say who answered, where that is known', async () => {
    const named = { ...control, instance: 'api-1' }
    for (const request of [requestTo(REFRESH), requestTo(DENY, { entries: [{ jti: 'a' }] })]) {
      assert.equal(JSON.parse(String((await ask(request, named)).text)).instance, 'api-1')
      assert.equal('instance' in JSON.parse(String((await ask(request)).text)), false)
    }
  })

  it('answer 502 for each cause of a failed refresh, and pass a defect on', async () => {
    for (const code of ['jwks_failed', 'lease_refused', 'verifier_closed'] as const) {
      const failing = { ...control, refresh: () => Promise.reject(new VerifyError(code)) }
      const { status, text } = await ask(requestTo(REFRESH), failing)
      assert.deepEqual([status, JSON.parse(String(text)).code], [502, code])
    }
    const defect = new TypeError('a defect')
    await assert.rejects(ask(requestTo(REFRESH), { ...control, refresh: () => Promise.reject(defect) }), defect)
  })

  it('tell of each issuer where one of several could not be asked, and name it', async () => {
    const error = new VerifyError('jwks_failed', { detail: 'status 500' })
    const refreshEach = async () => [refreshed('one'), { issuer: 'two', error }]
    const { status, text } = await ask(requestTo(REFRESH), { ...control, refreshEach })
    assert.equal(status, 502)
    const { message } = error
    assert.deepEqual(JSON.parse(String(text)), {
      code: 'jwks_failed',
      message: `two: ${message}`,
      issuers: [refreshed('one'), { issuer: 'two', code: 'jwks_failed', message }],
    })
    const allGood = { ...control, refreshEach: async () => [refreshed('one')] }
    assert.deepEqual(JSON.parse(String((await ask(requestTo(REFRESH), allGood)).text)), { issuers: [refreshed('one')] })
  })

  it('take a space for the plus that a query makes it of, in times alone', async () => {
    const asked: unknown[] = []
    const allow = async (entries: readonly unknown[]) => asked.push(...entries)
    const query = new URLSearchParams('sub=a 10:00&issuedBefore=2026-11-21T16:53:19+01:00')
    const { status } = await ask({ ...requestTo(DENY), method: 'DELETE', query }, { ...control, allow })
    assert.deepEqual([status, asked], [200, [{ sub: 'a 10:00', issuedBefore: '2026-11-21T15:53:19.000Z' }]])
    const expiring = new URLSearchParams('jti=a&expiresAt=2026-11-21T16:53:19+01:00')
    assert.equal((await ask({ ...requestTo(DENY), method: 'DELETE', query: expiring })).status, 200)
    const spaces = new URLSearchParams('jti=a&expiresAt=2026-11-21 16:53:19Z')
    assert.equal((await ask({ ...requestTo(DENY), method: 'DELETE', query: spaces })).status, 400)
  })

  it('survive an audit that throws', async () => {
    for (const onAction of [() => Promise.reject(new RangeError()), () => assert.fail('the audit is full')]) {
      const endpoints = internalEndpoints(control, { token: 's', onAction })
      assert.equal((await endpoints.answer(requestTo(REFRESH))).status, 200)
      assert.equal((await once(process, 'warning'))[0].message, 'onAction failed')
    }
  })

  it('understand what a parser of the framework left: an object, text, or bytes', async () => {
    const text = '{"entries":[{"jti":"a"}]}'
    for (const body of [JSON.parse(text), text, Buffer.from(text)]) {
      assert.equal((await ask(requestTo(DENY, body))).status, 200)
    }
    for (const body of [undefined, '{', Buffer.from([0xff])]) {
      assert.equal((await ask(requestTo(DENY, body))).status, 400)
    }
  })

  it('take any JSON media type, and nothing that is compressed', async () => {
    const chunks = async function* () {
      yield Buffer.from('{"entries":[{"jti":"a"}]}')
    }
    const sent = (headers: Record<string, string>) =>
      ask({ ...requestTo(DENY, undefined, headers), body: () => ({ chunks }) })
    for (const type of ['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/problem+json']) {
      assert.equal((await sent({ 'content-type': type })).status, 200)
    }
    for (const type of ['', 'text/json', 'application/jsonp', 'application/x-www-form-urlencoded']) {
      assert.equal((await sent({ 'content-type': type })).status, 415)
    }
    assert.equal((await sent({ 'content-encoding': 'gzip' })).status, 415)
    assert.equal((await sent({ 'content-encoding': 'identity' })).status, 200)
  })

  it('are refused at the start with a secret that is none', async (t) => {
    const missing = join(await emptyFolder(t), 'nowhere')
    assert.throws(() => internalEndpoints(control, { token: { file: missing } }), refused('secrets_failed'))
    assert.throws(() => internalEndpoints(control, { token: '' }), TypeError)
    const env = { INTERNAL_JWKS_REFRESH_TOKEN: 'a', INTERNAL_JWKS_REFRESH_TOKEN_FILE: missing }
    assert.throws(() => internalEndpoints(control, { env }), TypeError)
  })

  it('name the variable of a secret that is none, and never its value', async (t) => {
    const missing = join(await emptyFolder(t), 'nowhere')
    const name = 'INTERNAL_JWKS_REFRESH_TOKEN'
    const wrong: [InternalOptions, RegExp][] = [
      [{ env: { [name]: `file:${missing}` } }, /could not be read: INTERNAL_JWKS_REFRESH_TOKEN$/],
      [{ env: { [`${name}_FILE`]: missing } }, /could not be read: INTERNAL_JWKS_REFRESH_TOKEN_FILE$/],
      [{ env: { [`${name}_FILE`]: join(missing, '..') } }, /: INTERNAL_JWKS_REFRESH_TOKEN_FILE: it is not a file$/],
      [{ env: { [name]: 'hush,' } }, /^INTERNAL_JWKS_REFRESH_TOKEN: a secret is empty/],
      [{ token: 'hush,' }, /^token: a secret is empty/],
      [{ token: { file: missing } }, /could not be read: token$/],
    ]
    for (const [options, expected] of wrong) {
      assert.throws(
        () => internalEndpoints(control, options),
        ({ message }: Error) => expected.test(message) && !message.includes('hush') && !message.includes('nowhere'),
      )
    }
  })
})
