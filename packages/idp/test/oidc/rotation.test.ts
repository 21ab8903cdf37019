import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { verifyJws } from '@rekey/verifier'
import { admin, basic, decodeUnverified } from '../estate.ts'
import { backChannel } from './back-channel.ts'
import { type Changing, startChanging } from './changing-keys.ts'
import { discovered, makeUser, prepared, registerWeb } from './setting.ts'
import { flows, goodbye, type UnderWay } from './under-way.ts'

interface Change {
  name: string
  make(keys: Changing): Promise<unknown>
  /** Whether what the key before signed is believed. */
  isOldGood: boolean
  /** ID tokens and logout tokens are signed by the algorithm that the client registered, whichever APIs get. */
  isForApisOnly: boolean
}

const changes: Change[] = [
  {
    name: 'the active key was rotated',
    make: (keys) => keys.rotate(),
    isOldGood: true,
    isForApisOnly: false,
  },
  {
    name: 'issuance moved to another keyring',
    make: (keys) => keys.moveIssuance(),
    isOldGood: true,
    isForApisOnly: true,
  },
  {
    name: 'the active key was revoked',
    make: (keys) => keys.revoke(),
    isOldGood: false,
    isForApisOnly: false,
  },
]

const profiles = {
  private_key_jwt: 'code-flow-pkjwt',
  client_secret_basic: 'code-flow-secret',
  client_secret_post: 'code-flow-secret',
  client_secret_jwt: 'code-flow-secret',
  none: 'spa',
}

/** One that cannot authenticate gets nothing of its own (RFC 6749 §4.4). */
const cases = Object.entries(flows).flatMap(([flow, begin]) =>
  Object.keys(profiles)
    .filter((method) => method !== 'none' || flow !== 'gets tokens of its own')
    .map((method) => ({ name: `${whoIs(method)} ${flow}`, method, begin })),
)

function whoIs(method: string): string {
  return method === 'none' ? 'a public client' : `a client that authenticates by ${method}`
}

for (const { name, make, isOldGood, isForApisOnly } of changes) {
  describe(`when ${name}`, { timeout: 300_000 }, () => {
    let keys: Changing
    let backend: Awaited<ReturnType<typeof backChannel>>
    let old: string
    const underWay = new Map<string, UnderWay>()
    before(async () => {
      backend = await backChannel()
      keys = await startChanging({ REKEY_OUTBOUND_ALLOW: new URL(backend.url).host, REKEY_LOGIN_LIMIT: '10000/1m' })
      const user = await makeUser(keys.idp)
      const clients = new Map(await Promise.all(Object.entries(profiles).map(register)))
      await keys.settled()
      old = await keys.activeKey()
      // Codes and pushed requests are good for a minute: they are begun last, and gone on with first.
      for (const { name, method, begin } of cases.toReversed()) {
        const client = clients.get(method)
        assert.ok(client)
        underWay.set(name, await begin({ ...client, url: keys.url, user, told: backend.told }))
      }
      await make(keys)
    })
    after(async () => {
      backend.close()
      await keys.stop()
    })

    async function register([method, profile]: [string, string]) {
      const wish = {
        profile,
        token_endpoint_auth_method: method,
        post_logout_redirect_uris: [goodbye],
        backchannel_logout_uri: backend.url,
      }
      const client = await prepared(await registerWeb(keys.idp, wish))
      return [method, { clientId: client.clientId, config: await discovered(keys.url, client) }] as const
    }

    async function isActive(token: string): Promise<boolean> {
      const body = new URLSearchParams({ token })
      const headers = { authorization: basic(admin) }
      return (await keys.idp.call('/api/v1/token/introspect', { method: 'POST', headers, body })).body.active
    }

    for (const { name } of cases) {
      test(name, async () => {
        const { held, end } = underWay.get(name) as UnderWay
        for (const token of held) {
          assert.equal(decodeUnverified(token).header.kid, old)
          assert.equal(await isActive(token), isOldGood)
        }
        const signed = await end(isOldGood)
        const jwks = (await keys.idp.call('/.well-known/jwks.json')).body
        for (const token of signed) {
          const { header } = verifyJws(token, jwks, { algorithms: ['ES256', 'RS256'] })
          const isByOld = isForApisOnly && header.typ !== 'at+jwt'
          assert.equal(header.kid === old, isByOld, `${header.typ} by ${header.kid}`)
        }
        assert.ok(signed.some((token) => decodeUnverified(token).header.typ === 'at+jwt'))
      })
    }
  })
}
