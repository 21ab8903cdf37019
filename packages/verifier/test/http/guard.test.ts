import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PresentedRequest } from '../../src/binding/request.ts'
import { VerifyError, type VerifyErrorCode } from '../../src/error.ts'
import type { RefusedRequest } from '../../src/http/body.ts'
import { requestGuard } from '../../src/http/guard.ts'
import type { GuardOptions } from '../../src/http/options.ts'
import { ISSUER } from '../support/keys.ts'

const requestWith = (headers: Record<string, string>): PresentedRequest => ({
  method: 'GET',
  url: 'https://api.example.com/',
  header: (name) => headers[name],
})

/** How a guard answers when the verifier refuses with this error. */
async function answerTo(error: Error, options: GuardOptions = {}, headers: Record<string, string> = {}) {
  const guard = requestGuard({ authenticate: () => Promise.reject(error) }, options)
  const { refusal } = await guard(requestWith({ authorization: 'Bearer a.b.c', ...headers }))
  assert.ok(refusal)
  return refusal
}

/** Whether a token with these claims passes. */
async function admits(claims: Record<string, unknown>, options: GuardOptions): Promise<boolean> {
  const token = { header: { alg: 'ES256' }, payload: { iss: ISSUER, exp: 1, ...claims } }
  const guard = requestGuard({ authenticate: async () => token }, options)
  return (await guard(requestWith({ authorization: 'Bearer a.b.c' }))).token === token
}

describe('a request guard', () => {
  it('asks for all of its scopes and all of its roles', async () => {
    const wanted = { scopes: ['a', 'b'], roles: ['r', 's'], client: 'api' }
    const roles = { realm_access: { roles: ['r'] }, resource_access: { api: { roles: ['s'] } } }
    assert.ok(await admits({ scope: 'b c a', ...roles }, wanted))
    assert.ok(!(await admits({ scope: 'a', ...roles }, wanted)))
    assert.ok(!(await admits({ scope: 'a b', roles: ['r'] }, wanted)))
    assert.ok(!(await admits({ scope: 'a b', ...roles }, { ...wanted, client: 'another' })))
    assert.ok(await admits({}, {}))
  })

  it('answers 503 for whatever is wrong with trust, and tells nothing of it', async () => {
    const causes: VerifyErrorCode[] = ['trust_unavailable', 'verifier_closed', 'jwks_failed', 'secrets_failed']
    for (const code of [...causes, 'deny_file_failed'] as const) {
      const { status, headers, body } = await answerTo(new VerifyError(code, { detail: 'http://10.0.0.1/' }))
      assert.equal(status, 503)
      assert.equal(headers['retry-after'], '1')
      assert.equal(headers['www-authenticate'], undefined)
      const { message } = new VerifyError('trust_unavailable')
      assert.deepEqual(body, { code: 'trust_unavailable', message })
    }
  })

  it('passes a defect on, for it is no refusal', async () => {
    const defect = new TypeError('a defect')
    await assert.rejects(answerTo(defect), defect)
  })

  it('says in the coarse form only what its codes say, in the challenge too', async () => {
    const coarse = { errorBody: 'coarse' } as const
    const expected: Partial<Record<VerifyErrorCode, string>> = {
      token_expired: 'token_expired',
      key_revoked: 'token_invalid',
      token_denied: 'token_invalid',
      scope_missing: 'insufficient_permissions',
      role_missing: 'insufficient_permissions',
      trust_unavailable: 'trust_unavailable',
    }
    for (const [code, shown] of Object.entries(expected)) {
      const { body, headers } = await answerTo(new VerifyError(code as VerifyErrorCode), coarse)
      const { code: said, message } = body as Record<string, string>
      assert.equal(said, shown)
      assert.doesNotMatch(`${message}${headers['www-authenticate']}`, /revoked|taken back|key/)
    }
  })

  it('repeats a correlation id only if it is harmless', async () => {
    const idOf = async (headers: Record<string, string>) => {
      const refusal = await answerTo(new VerifyError('token_expired'), { errorBody: 'coarse' }, headers)
      const { correlation_id } = refusal.body as Record<string, string>
      assert.equal(refusal.headers['x-correlation-id'], correlation_id)
      return correlation_id
    }
    assert.equal(await idOf({ 'x-correlation-id': 'a', 'x-request-id': 'b' }), 'a')
    assert.equal(await idOf({ 'x-correlation-id': 'a b', 'x-request-id': 'b' }), 'b')
    for (const id of ['', 'x'.repeat(129), 'a, b', 'a\r\nb', '<b>', 'é']) {
      assert.match(String(await idOf({ 'x-correlation-id': id })), /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    }
  })

  it('writes bodies as FastAPI does, or as a function says', async () => {
    const detail = await answerTo(new VerifyError('key_revoked'), { errorBody: 'detail' })
    assert.deepEqual(detail.body, { detail: 'The token is not valid' })
    const own = ({ status, code, correlationId, error, request }: RefusedRequest) => ({
      title: `${status} ${code} ${error.code} ${request.method}`,
      trace: correlationId,
    })
    const { body, headers } = await answerTo(
      new VerifyError('jwks_failed'),
      { errorBody: own },
      { 'x-request-id': 'i' },
    )
    assert.deepEqual(body, { title: '503 trust_unavailable jwks_failed GET', trace: 'i' })
    assert.equal(headers['x-correlation-id'], 'i')
  })

  it('writes no more into a challenge than a quoted string can hold', async () => {
    const { headers } = await answerTo(new VerifyError('claim_missing', { claim: 'a"b\\c\r\nd\u00e9' }))
    assert.equal(
      headers['www-authenticate'],
      'Bearer error="invalid_token", error_description="a required claim is missing: abcd"',
    )
  })

  it('takes wrong use for a TypeError', () => {
    const verifier = { authenticate: () => Promise.reject(new Error()) }
    const wrong: Record<string, unknown>[] = [
      { scopes: 'a b' },
      { scopes: ['a b'] },
      { scopes: [''] },
      { roles: [7] },
      { client: '' },
      { errorBody: 'terse' },
      { realm: 'the "API"' },
      { realm: '' },
      { baseUrl: 'api.example.com' },
      { baseUrl: 'ftp://api.example.com' },
      { baseUrl: 'https://u:p@api.example.com' },
      { baseUrl: 'https://api.example.com/?a' },
      { binding: { requiredBinding: 'mtls' } },
    ]
    for (const options of wrong) assert.throws(() => requestGuard(verifier, options as never), TypeError)
    const said: [Record<string, unknown>, RegExp][] = [
      [{ realm: 'my "realm"' }, /^TypeError: realm must be printable ASCII without double quotes and backslashes$/],
      [{ client: ['a'] }, /^TypeError: client must be the name of one client$/],
      [{ binding: null }, /^TypeError: binding must be an object$/],
    ]
    for (const [options, expected] of said) assert.throws(() => requestGuard(verifier, options as never), expected)
  })
})
