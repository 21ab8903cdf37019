import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { newApp, ServiceError } from '@rekey/service'
import { pino } from 'pino'
import { adminTokens } from '../../src/administration/admin-tokens.ts'
import { failureLimit, type OperatorScope, operatorsOf } from '../../src/administration/operator.ts'
import { administrationOf, adminTokensIn } from '../../src/config/administration.ts'
import { BffError } from '../../src/error.ts'
import { refusalOf, sendRefusal } from '../../src/http/errors.ts'
import type { Introspected } from '../../src/provider/provider.ts'

const log = pino({ level: 'silent' })
const adminToken = 'an-admin-token-of-this-test'
const managementToken = () => `rkt_${randomBytes(32).toString('base64url')}`
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

interface Wish {
  token?: string
  says?: (token: string) => Introspected
}

/** Routes that need a scope each; the identity provider says what the test wants. */
function guarded({ token = adminToken, says = () => ({ active: false }) }: Wish = {}) {
  const asked: string[] = []
  const state = { hasLease: true, now: 1_000_000 }
  const parts = {
    clock: () => state.now,
    requireLease: () => {
      if (!state.hasLease) throw new ServiceError('NO_LEASE', 'no lease')
    },
    provider: {
      introspect: async (one: string) => {
        asked.push(one)
        return says(one)
      },
    },
  }
  const tokens = adminTokens(administrationOf({ REKEY_BFF_ADMIN_TOKEN: token }).token, log)
  const operator = operatorsOf(parts, tokens)
  const app = newApp({ log, trustedProxies: [], refusalOf, refused: () => undefined, send: sendRefusal })
  const scopes: OperatorScope[] = ['audit:read', 'keyrings:read', 'keyrings:write', 'incidents:write', 'links:write']
  for (const scope of scopes) app.get(pathOf(scope), { onRequest: operator(scope) }, async ({ operator: who }) => who)
  const ask = async (scope: OperatorScope, headers: Record<string, string> = {}) => {
    const reply = await app.inject({ url: pathOf(scope), headers })
    return { status: reply.statusCode, headers: reply.headers, body: reply.json() }
  }
  return { ask, asked, state, tokens }
}

const pathOf = (scope: OperatorScope) => `/${scope.replace(':', '/')}`

const active = (scopes: string[]): Introspected => ({ active: true, clientId: 'ops', scopes: new Set(scopes) })

describe('whoever administers', () => {
  test('may do everything by the token of this BFF, and nobody else is asked', async () => {
    const { ask, asked } = guarded()
    for (const scope of ['audit:read', 'keyrings:read', 'keyrings:write', 'incidents:write', 'links:write'] as const) {
      const { status, body } = await ask(scope, bearer(adminToken))
      assert.deepEqual([status, body], [200, { clientId: 'bff-admin', isAdmin: true }])
    }
    assert.deepEqual(asked, [])
  })

  test('may do by a management token what the identity provider says it is good for', async () => {
    const { ask } = guarded({ says: () => active(['keyrings:read']) })
    const token = managementToken()
    const { status, body } = await ask('keyrings:read', bearer(token))
    assert.deepEqual([status, body], [200, { clientId: 'ops', isAdmin: false }])
    const refused = await ask('keyrings:write', bearer(token))
    assert.deepEqual([refused.status, refused.body.code], [403, 'INSUFFICIENT_SCOPE'])
    assert.match(String(refused.headers['www-authenticate']), /error="insufficient_scope", scope="keyrings:write"/)
    assert.equal(JSON.stringify(refused.body).includes(token), false)
  })

  test('is asked about at each use: a token that was withdrawn is refused at once', async () => {
    let isActive = true
    const { ask } = guarded({ says: () => (isActive ? active(['keyrings:read']) : { active: false }) })
    const token = managementToken()
    assert.equal((await ask('keyrings:read', bearer(token))).status, 200)
    isActive = false
    assert.equal((await ask('keyrings:read', bearer(token))).status, 401)
  })

  test('is nobody by a JWT, or by any text that is no management token: nobody is asked about it', async () => {
    const { ask, asked } = guarded({ says: () => active(['keyrings:read']) })
    const jwt = `${Buffer.from('{"alg":"EdDSA"}').toString('base64url')}.e30.c2ln`
    for (const token of [jwt, 'rkt_short', `${adminToken}x`, adminToken.slice(1)]) {
      const { status, body, headers } = await ask('keyrings:read', bearer(token))
      assert.deepEqual([status, body.code, body.detail], [401, 'NOT_AUTHENTICATED', 'Not authenticated'])
      assert.match(String(headers['www-authenticate']), /error="invalid_token"/)
    }
    assert.deepEqual(asked, [])
  })

  test('is told how to authenticate where he did not', async () => {
    const { status, headers } = await guarded().ask('keyrings:read')
    assert.equal(status, 401)
    assert.equal(headers['www-authenticate'], 'Bearer realm="rekey-bff"')
  })

  test('is told to come again while the identity provider is away; the token of this BFF is good all the same', async () => {
    const { ask } = guarded({
      says: () => {
        throw new BffError('IDP_UNAVAILABLE', 'away')
      },
    })
    const { status, body } = await ask('keyrings:read', bearer(managementToken()))
    assert.deepEqual([status, body.code], [503, 'IDP_UNAVAILABLE'])
    assert.equal((await ask('keyrings:write', bearer(adminToken))).status, 200)
  })

  test('waits after many failures, and costs the identity provider nothing meanwhile', async () => {
    const { ask, asked, state } = guarded()
    for (let tries = 0; tries < failureLimit.most; tries += 1) {
      assert.equal((await ask('keyrings:read', bearer(managementToken()))).status, 401)
    }
    const { status, body, headers } = await ask('keyrings:read', bearer(managementToken()))
    assert.deepEqual([status, body.code, headers['retry-after']], [429, 'RATE_LIMITED', '10'])
    assert.equal(asked.length, failureLimit.most)
    assert.equal((await ask('keyrings:read', bearer(adminToken))).status, 200)
    state.now += failureLimit.withinMs
    assert.equal((await ask('keyrings:read', bearer(managementToken()))).status, 401)
  })

  test('is served by no instance without a lease', async () => {
    const { ask, state } = guarded()
    state.hasLease = false
    assert.equal((await ask('keyrings:read', bearer(adminToken))).body.code, 'NO_LEASE')
  })
})

describe('tokens of this BFF', () => {
  test('are replaced in their file without a restart: with both in it, both are good', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rekey-bff-admin-'))
    t.after(() => rm(folder, { recursive: true }))
    const file = join(folder, 'token')
    const [old, next] = ['the-token-of-yesterday', 'the-token-of-tomorrow']
    writeFileSync(file, `${old}\n`)
    const warnings: string[] = []
    const { token } = administrationOf({ REKEY_BFF_ADMIN_TOKEN: `file:${file}` })
    const tokens = adminTokens(token, { info: () => undefined, warn: (text: string) => warnings.push(text) } as never)
    t.after(() => tokens.close())
    writeFileSync(file, `${next}\n${old}\n`)
    await eventually(
      async () => tokens.isOne(next),
      (isOne) => isOne,
    )
    assert.ok(tokens.isOne(old))
    writeFileSync(file, `${next}\n`)
    await eventually(
      async () => tokens.isOne(old),
      (isOne) => !isOne,
    )
    writeFileSync(file, 'short')
    await eventually(
      async () => warnings.length,
      (count) => count > 0,
    )
    assert.deepEqual([tokens.isOne('short'), tokens.isOne(next)], [false, true])
    assert.match(String(warnings[0]), /at least 16 characters.* stays in force/)
  })

  test('that are none are refused at the start, and not told', () => {
    for (const value of ['short-secret', 'a good token, but-with a space', `${adminToken},`]) {
      const source = () => administrationOf({ REKEY_BFF_ADMIN_TOKEN: value })
      assert.throws(source, (error: BffError) => error.code === 'CONFIG_INVALID' && !error.message.includes(value))
    }
  })

  test('are not needed', () => {
    const { token } = administrationOf({})
    assert.equal(token, undefined)
    assert.equal(adminTokens(token, log).isOne(''), false)
  })

  test('are a list, the newest first', () => {
    const { token } = administrationOf({ REKEY_BFF_ADMIN_TOKEN: `${adminToken}2,${adminToken}1` })
    assert.ok(token)
    assert.deepEqual(adminTokensIn(token), [`${adminToken}2`, `${adminToken}1`])
  })
})
