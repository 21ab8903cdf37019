/** The runbook for the secrets of the backend for frontend, line by line, while a user works. */
import assert from 'node:assert/strict'
import { copyFileSync, readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { isLetIn } from '../../dcr/assertion.ts'
import { Browser } from '../../secrets/browser.ts'
import { run } from '../../shell.ts'
import { clientId, Deployment, type Secret } from './deployment.ts'
import { Replica } from './replica.ts'
import { workUnderWay } from './work.ts'

const secretFiles = {
  TOKEN_HASH_SALT: 'token-hash-salt',
  UA_HASH_SALT: 'ua-hash-salt',
  CSRF_SECRET_KEY: 'csrf-secret-key',
  STATE_TOKEN_KEY: 'state-token-key',
  REKEY_OIDC_BFF_SECRET: 'session-secret',
  AUTH_CLIENT_SECRET: 'oidc-client-secret',
}
const keyrings = ['token-hash', 'ua-hash', 'csrf', 'state', 'session'] as const
/** What the same backend is called where it authenticates by its key, and where its keys are fetched from it. */
const byKey = 'bff-by-key'
const byAddress = 'bff-by-address'
const firstKid = 'bff-sig-001'

describe('the runbook for the secrets of the backend for frontend', { timeout: 120_000 }, () => {
  let d: Deployment
  let user: Browser
  let work: ReturnType<typeof workUnderWay>
  const replicas: Replica[] = []

  before(async () => {
    d = await Deployment.start()
    await d.register()
    replicas.push(await d.replica())
    replicas.push(await d.replica(byFileVariables()))
    user = await d.logIn()
    work = workUnderWay(user, d.publicUrl, replicas)
  })
  after(async () => {
    await work?.end()
    await d?.end()
  })

  /** The same files, named by NAME_FILE. */
  function byFileVariables(): Record<string, string> {
    const named = Object.entries(secretFiles).map(([name, file]) => [`${name}_FILE`, d.path(`secrets/${file}`)])
    return { ...Object.fromEntries(named), ...Object.fromEntries(Object.keys(secretFiles).map((name) => [name, ''])) }
  }

  const each = <T>(ask: (replica: Replica) => Promise<T>): Promise<T[]> => Promise.all(replicas.map(ask))

  const active = async (replica: Replica, keyring: string): Promise<string> =>
    (await d.operate(replica, `/keyrings/${keyring}`)).versions.find(
      ({ state }: { state: string }) => state === 'active',
    )?.id

  /** Puts another secret in front of those that are given, and waits until every replica goes by it. @returns the version before */
  async function giveAnother(name: Secret, keyring: string): Promise<string> {
    const [before = ''] = await each((replica) => active(replica, keyring))
    d.giveAnother(name)
    await eventually(
      () => each((replica) => active(replica, keyring)),
      ([one, two]) => one === two && one !== before,
    )
    return before
  }

  async function csrfToken(): Promise<string> {
    return JSON.parse((await user.go(`${d.publicUrl}/auth/session`)).text).csrf_token
  }

  function post({ url }: Replica, token: string) {
    const headers = { 'x-csrf-token': token, origin: d.publicUrl }
    return user.go(`${url}/api/hello`, { method: 'POST', headers })
  }

  const kidsAt = async ({ url }: Replica): Promise<string[]> => {
    const { keys } = (await (await fetch(`${url}/.well-known/jwks.json`)).json()) as { keys: Record<string, string>[] }
    assert.ok(keys.every((key) => !('d' in key)))
    return keys.map(({ kid = '' }) => kid)
  }

  describe('where secrets are', () => {
    test('file:/path in a variable and NAME_FILE beside it are the same secret: what one replica made the other one takes', async () => {
      const [one, two] = replicas.map(({ env }) => [env.TOKEN_HASH_SALT, env.TOKEN_HASH_SALT_FILE])
      const path = d.path('secrets/token-hash-salt')
      assert.deepEqual(
        [one, two],
        [
          [`file:${path}`, undefined],
          [undefined, path],
        ],
      )
      assert.deepEqual(await each(async ({ url }) => (await user.go(`${url}/api/hello`)).status), [200, 200])
      for (const keyring of keyrings) {
        const [version, other] = await each((replica) => active(replica, keyring))
        assert.match(version ?? '', /^given-/)
        assert.equal(version, other)
      }
    })

    test('AUTH_CLIENT_ID and AUTH_CLIENT_SECRET are what it asks the IdP by', async () => {
      const [one] = await each((replica) => d.operate(replica, '/client'))
      const secrets = [{ position: 0, isUsed: true }]
      assert.partialDeepStrictEqual(one, { clientId, method: 'client_secret_basic', secrets })
    })

    test('without TOKEN_HASH_SALT it does not start, and says why and what to do', async () => {
      const replica = new Replica(await d.envOf({ TOKEN_HASH_SALT: '' }))
      assert.equal(await replica.exitCode(), 1)
      assert.match(replica.output, /TOKEN_HASH_SALT is missing: .*openssl rand .*TOKEN_HASH_SALT_FILE/)
    })
  })

  describe('the client secret', () => {
    let old = ''
    let renewed = ''

    test('is made anew at the IdP, which takes the old one and the new one for as long as they overlap', async () => {
      ;[old = ''] = d.given('AUTH_CLIENT_SECRET')
      renewed = (await d.rekey('dcr', 'client', 'rotate-secret', clientId, '--overlap', '1h')).trim()
      for (const clientSecret of [old, renewed]) assert.equal(await d.idp.token({ clientId, clientSecret }), 200)
    })

    test('is picked up by every replica from the changed file, without a restart', async () => {
      const before = await each(fingerprint)
      d.give('AUTH_CLIENT_SECRET', renewed, old)
      await eventually(
        async () => {
          await each((replica) => d.logIn(d.browserAt(replica)))
          return await each(fingerprint)
        },
        ([one, two]) => one === two && one !== before[0],
      )
      const positions = await each((replica) => replica.metric('bff_client_secret_position'))
      assert.deepEqual(positions, [{ '': 0 }, { '': 0 }])
    })

    const fingerprint = async (replica: Replica): Promise<string> => {
      const { secrets } = await d.operate(replica, '/client')
      return secrets.find(({ isUsed }: { isUsed: boolean }) => isUsed)?.fingerprint
    }

    test('exchanges codes and asks about bearer tokens as before, by the new one alone', async () => {
      d.give('AUTH_CLIENT_SECRET', renewed)
      const token = await d.bearer()
      for (const replica of replicas) {
        await d.logIn(d.browserAt(replica))
        assert.equal(await bearerCall(replica, token), 200)
        assert.equal(await bearerCall(replica, `${token}x`), 401)
      }
    })

    test('in a variable is replaced by a restart of the replicas, one at a time, that nobody notices', async () => {
      const next = (await d.rekey('dcr', 'client', 'rotate-secret', clientId, '--overlap', '1h')).trim()
      await work.roll(replicas, (replica) => d.restarted(replica, { AUTH_CLIENT_SECRET: `${next},${renewed}` }))
      d.give('AUTH_CLIENT_SECRET', next)
      for (const replica of replicas) await d.logIn(d.browserAt(replica))
      assert.deepEqual(work.refused, [])
    })
  })

  describe('salts, CSRF and state that are given', () => {
    test('a new UA_HASH_SALT changes hashes for analytics: the session, which is bound to the browser, goes on', async () => {
      await giveAnother('UA_HASH_SALT', 'ua-hash')
      for (const replica of replicas) {
        assert.equal((await user.go(`${replica.url}/api/hello`)).status, 200)
        assert.deepEqual(await replica.metric('bff_session_binding_failures_total'), {})
      }
    })

    test('a new CSRF_SECRET_KEY before the old one voids no form that is open', async () => {
      const token = await csrfToken()
      await giveAnother('CSRF_SECRET_KEY', 'csrf')
      for (const replica of replicas) assert.equal((await post(replica, token)).status, 200)
    })

    test('a new STATE_TOKEN_KEY before the old one breaks no login that is under way', async () => {
      const browser = new Browser()
      const page = await d.begin(browser)
      await giveAnother('STATE_TOKEN_KEY', 'state')
      assert.equal((await d.finish(browser, page)).text, 'hello')
    })

    test('a new TOKEN_HASH_SALT before the old one logs nobody out, and whoever is there hangs on the new one', async () => {
      const old = await giveAnother('TOKEN_HASH_SALT', 'token-hash')
      for (const { url } of replicas) assert.equal((await user.go(`${url}/api/hello`)).status, 200)
      const { keyrings: all } = await d.json('status')
      const { waiting } = all.find(({ name }: { name: string }) => name === 'token-hash')
      const retire = waiting.find(({ step, version }: Record<string, string>) => step === 'retire' && version === old)
      assert.match(retire.for.join(), /^[1-9]\d* /)
      const bySessions = await eventually(
        () => (replicas[0] as Replica).metric('rekey_bff_sessions'),
        (counts) => Object.keys(counts).filter((labels) => labels.includes('token-hash')).length === 2,
      )
      assert.ok(Object.values(bySessions).every((count) => count > 0))
    })

    test('what is given is rotated where it is given: rekey rotate says so, and by which variable', async () => {
      const { code, stderr } = await d.tried('rotate', 'csrf')
      assert.notEqual(code, 0)
      assert.match(stderr, /CSRF_SECRET_KEY.*GIVEN_ELSEWHERE/s)
    })
  })

  describe('the key, and the JWKS', () => {
    let next = ''
    const pem = () => readFileSync(d.path('keys/bff.pem'), 'utf8')
    const beside = () => ({
      PATH: process.env.PATH,
      BFF_KEYS_DIR: d.path('keys'),
      AUTO_KEY_ROTATION: '1',
      BFF_KID: firstKid,
    })

    // biome-ignore lint/suspicious/noExplicitAny: a document
    async function rotateKeys(more: Record<string, string> = {}): Promise<any> {
      const { code, stdout, stderr } = await run(['bff', 'rotate-keys', '--json'], { ...beside(), ...more })
      assert.equal(code, 0, stderr)
      return JSON.parse(stdout)
    }

    test('a key is there after the first start, in BFF_KEYS_DIR, and its public half in the JWKS of every replica', async () => {
      assert.match(pem(), /^-----BEGIN PRIVATE KEY-----/)
      assert.deepEqual(await each(kidsAt), [[firstKid], [firstKid]])
      const { keys } = (await (await fetch(`${d.publicUrl}/.well-known/jwks.json`)).json()) as { keys: object[] }
      const redirect_uris = [`${d.publicUrl}/auth/callback`]
      const common = { client_profile: 'own-code-flow-pkjwt', redirect_uris }
      await d.registered({ ...common, client_id: byKey, jwks: { keys } })
      await d.registered({ ...common, client_id: byAddress, jwks_uri: `${d.publicUrl}/.well-known/jwks.json` })
      assert.equal(await isLetIn(d.idp.url, byKey, firstKid, pem()), true)
    })

    test('rekey bff rotate-keys beside it makes another one, which the JWKS has with the old one before it is used', async () => {
      const { kid, waiting, notified } = await rotateKeys()
      assert.deepEqual([kid, notified], [firstKid, false])
      next = waiting
      // Its age, and that no replica made the same.
      assert.match(next, new RegExp(`^${firstKid}-\\d{10}-[0-9a-f]{4}$`))
      await eventually(
        () => each(kidsAt),
        (sets) => sets.every((kids) => kids.includes(firstKid) && kids.includes(next)),
      )
    })

    test('with IDP_DCR_URL and DCR_ACCESS_TOKEN it tells the IdP, which answers with the stored set, and the key is used', async () => {
      const token = (await d.rekey('token', '--scope', 'dcr.admin tokens:read')).trim()
      const told = { IDP_DCR_URL: `${d.idp.url}/api/clients/${byKey}/jwks`, DCR_ACCESS_TOKEN: token }
      assert.partialDeepStrictEqual(await rotateKeys(told), { kid: next, notified: true })
      const { keys } = await d.json('dcr', 'client', 'jwks', 'show', byKey)
      assert.deepEqual(keys.map(({ kid }: { kid: string }) => kid).sort(), [firstKid, next])
      assert.equal(await isLetIn(d.idp.url, byKey, next, pem()), true)
    })

    test('of a client with a jwks_uri the IdP is made to read that again at once', async () => {
      const kids = async () =>
        (await d.json('dcr', 'client', 'jwks', 'show', byAddress)).keys.map((key: { kid: string }) => key.kid)
      assert.deepEqual(await kids(), [])
      const told = {
        IDP_DCR_URL: `${d.idp.url}/api/clients/${byAddress}/jwks`,
        DCR_ACCESS_TOKEN: (await d.rekey('token', '--scope', 'dcr.admin')).trim(),
        DCR_JWKS_URI: `${d.publicUrl}/.well-known/jwks.json`,
      }
      assert.partialDeepStrictEqual(await rotateKeys(told), { kid: next, notified: true })
      assert.deepEqual((await kids()).sort(), [firstKid, next])
    })

    test('replicas that authenticate by it take the place of those that did by a secret: by the folder, or by BFF_JWT_SIGNING_KEY', async () => {
      copyFileSync(d.path('keys/bff.pem'), d.path('secrets/bff-signing-key'))
      const kept = Object.fromEntries(Object.keys(secretFiles).map((name) => [name, 'keyring:']))
      const common = {
        ...kept,
        AUTH_CLIENT_ID: byKey,
        AUTH_CLIENT_SECRET: '',
        MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt',
      }
      const given = {
        BFF_KEYS_DIR: '',
        BFF_JWT_SIGNING_KEY: `file:${d.path('secrets/bff-signing-key')}`,
        BFF_KID: next,
      }
      await work.roll(replicas, (replica, index) =>
        d.restarted(replica, index === 0 ? common : { ...common, ...given }),
      )
      for (const replica of replicas) await d.logIn(d.browserAt(replica))
      assert.deepEqual(
        (await each(kidsAt)).map((kids) => kids.includes(next)),
        [true, true],
      )
      assert.deepEqual(work.refused, [])
    })
  })

  describe('salts, CSRF and state that are keyrings of its own', () => {
    for (const keyring of keyrings) {
      test(`${keyring} rotates with no form refused, no login broken and nobody logged out`, async () => {
        const [token, browser] = [await csrfToken(), new Browser()]
        const page = await d.begin(browser)
        const [before] = await each((replica) => active(replica, keyring))
        await d.rekey('rotate', keyring, '--watch')
        for (const replica of replicas) {
          assert.notEqual(await active(replica, keyring), before)
          assert.equal((await post(replica, token)).status, 200)
        }
        assert.equal((await d.finish(browser, page)).text, 'hello')
      })
    }
  })

  describe('after a rotation', () => {
    test('rekey verify finds login, callback, calls by session and bearer token, JWKS and private_key_jwt as they have to be', async () => {
      const { ok, checks } = await d.json('verify')
      assert.equal(ok, true)
      const tried = checks.filter((check: { tried: boolean }) => check.tried).map(({ name }: { name: string }) => name)
      for (const name of ['login', 'callback', 'session-call', 'bearer-call', 'jwks', 'private_key_jwt']) {
        assert.ok(tried.includes(name), name)
      }
    })

    test('the user who worked all the time was refused nothing', async () => {
      const { made, refused } = await work.end()
      assert.deepEqual(refused, [])
      assert.ok(made > 50, `${made} calls`)
    })
  })

  describe('where what is out there has to end', () => {
    test('revoking the version of csrf voids the tokens by it, and a page gets another one', async () => {
      const token = await csrfToken()
      await d.rekey('revoke', 'csrf', await active(replicas[0] as Replica, 'csrf'), '--reason', 'drill')
      for (const replica of replicas) {
        const { status, text } = await post(replica, token)
        assert.deepEqual([status, JSON.parse(text).details.reason], [403, 'stale'])
        assert.equal((await post(replica, await csrfToken())).status, 200)
      }
    })

    test('revoking the version of state breaks the logins under way, which begin anew', async () => {
      const browser = new Browser()
      const page = await d.begin(browser)
      await d.rekey('revoke', 'state', await active(replicas[0] as Replica, 'state'), '--reason', 'drill')
      assert.equal((await d.finish(browser, page)).status, 401)
      await d.logIn(browser)
    })
  })
})

async function bearerCall({ url }: Replica, token: string): Promise<number> {
  const reply = await fetch(`${url}/bearer/hello`, { headers: { authorization: `Bearer ${token}` } })
  await reply.body?.cancel()
  return reply.status
}
