import assert from 'node:assert/strict'
import { readFile, rm, stat } from 'node:fs/promises'
import { after, before, describe, it } from 'node:test'
import { type Rekey, startRekey } from '@rekey/idp/testing'
import { run } from './process.ts'
import {
  again,
  copyOf,
  credentialsOf,
  type Environment,
  isBelieved,
  newService,
  registrationOf,
  removeServices,
  type Service,
  start,
} from './service.ts'

const uri = 'https://bff.example/auth/callback'
/** Whoever held the lock was killed, and nobody else is about on its folder: nothing is there to be waited for. */
const soonStale = { STALE_MS: '0' }

describe('a service that registers itself at this identity provider', { timeout: 600_000 }, () => {
  let idp: Rekey
  let made = 0

  before(async () => {
    idp = await startRekey()
  })
  after(async () => {
    await removeServices()
    await idp.stop()
  })

  /** One that has never been started, with an initial access token of its own for one use. */
  async function firstStart(more: Environment = {}): Promise<Service> {
    made += 1
    const id = `bff-server-${made}`
    return newService({
      IDP_BASE_URL: idp.url,
      DCR_IAT: await idp.initialAccess({ client_profile: 'code-flow-pkjwt' }),
      DCR_CLIENT_ID: id,
      DCR_CLIENT_PROFILE: 'code-flow-pkjwt',
      DCR_REDIRECT_URIS: uri,
      ...more,
    })
  }

  /** One that is registered, and whose initial access token is gone from its environment. */
  async function registered(more: Environment = {}): Promise<Service> {
    const service = await firstStart(more)
    await start(service)
    return again(service, { DCR_IAT: '' })
  }

  const path = async (service: Service) => `/api/oidc/register/${(await credentialsOf(service)).client_id}`
  const kids = async (service: Service) => (await registrationOf(service)).jwks.keys.map(({ kid }) => kid)

  it('registers at its first start: one POST, and it holds its key and credentials, which nobody else can read', async () => {
    const service = await firstStart()
    assert.equal((await start(service)).outcome, 'registered')
    assert.equal((await credentialsOf(service)).client_id, service.environment.DCR_CLIENT_ID)
    assert.deepEqual(service.traffic.filter(isRegistering), ['POST /api/oidc/register 201'])
    assert.deepEqual(await kids(service), ['bff-sig-001'])
    assert.equal(await isBelieved(service, idp.url), true)
    for (const name of ['DCR_SIGNING_KEY', 'BFF_CLIENT_CRED_PATH']) {
      assert.equal((await stat(String(service.environment[name]))).mode & 0o777, 0o600)
    }
  })

  it('changes nothing at its next start: one GET, and no initial access token is needed', async () => {
    const service = await registered()
    const key = await readFile(String(service.environment.DCR_SIGNING_KEY))
    assert.equal((await start(service)).outcome, 'unchanged')
    assert.deepEqual(service.traffic.filter(isRegistering), [`GET ${await path(service)} 200`])
    assert.deepEqual(await readFile(String(service.environment.DCR_SIGNING_KEY)), key)
  })

  for (const [why, prepare] of [
    ['it is to rotate now', async () => undefined],
    ['its key file was deleted', (service: Service) => rm(String(service.environment.DCR_SIGNING_KEY))],
  ] as const) {
    it(`adds a key by one PATCH when ${why}, and both are believed`, async () => {
      const service = await registered()
      const old = await copyOf(service)
      await prepare(service)
      const rotating = again(service, why.includes('now') ? { BFF_JWK_ROTATE_AFTER_DAYS: '0' } : {})
      assert.equal((await start(rotating)).outcome, 'rotated')
      const where = await path(service)
      assert.deepEqual(rotating.traffic.filter(isRegistering), [`GET ${where} 200`, `PATCH ${where} 200`])
      assert.equal((await kids(service)).length, 2)
      assert.equal(await isBelieved(service, idp.url), true)
      assert.equal(await isBelieved(old, idp.url), true)
      assert.match(rotating.lines.join('\n'), /JWKS rotated successfully/)
    })
  }

  for (const [mode, wanted] of [
    ['auto', ['https://new.example/cb']],
    ['replace', ['https://new.example/cb']],
    ['merge', [uri, 'https://new.example/cb']],
    ['none', [uri]],
  ] as const) {
    it(`redirect URIs that are given later are taken by the mode: ${mode}`, async () => {
      const service = await registered()
      const changes = { DCR_REDIRECT_URIS: 'https://new.example/cb', DCR_REDIRECT_UPDATE_MODE: mode }
      await start(again(service, changes))
      assert.deepEqual((await registrationOf(service)).redirect_uris, wanted)
    })
  }

  it('without an initial access token it fails at once and says what an administrator must do', async () => {
    const service = await firstStart({ DCR_IAT: '' })
    await assert.rejects(start(service), { code: 'IAT_MISSING', message: /DCR_IAT/ })
    assert.deepEqual(service.traffic.filter(isRegistering), [])
  })

  it('a spent initial access token registers nobody else', async () => {
    const first = await firstStart()
    await start(first)
    const second = await firstStart({ DCR_IAT: String(first.environment.DCR_IAT) })
    await assert.rejects(start(second), { code: 'IAT_REFUSED' })
  })

  it('a registration access token that was replaced is refused, and renewed where an administrator lends a token', async () => {
    const service = await registered()
    const { client_id } = await credentialsOf(service)
    await idp.manage('POST', `/api/admin/dcr/clients/${client_id}/tokens`)
    await assert.rejects(start(again(service)), { code: 'RAT_INVALID' })
    const helped = again(service, { BOOTSTRAP_ADMIN_TOKEN: await idp.management() })
    await start(helped)
    assert.ok(helped.traffic.includes(`POST /api/admin/dcr/clients/${client_id}/tokens 201`), helped.traffic.join('\n'))
    assert.equal((await start(again(service))).outcome, 'unchanged')
  })

  it('a client that was deleted registers anew where there is an initial access token, and says so where there is none', async () => {
    const service = await registered()
    const { client_id } = await credentialsOf(service)
    await idp.manage('DELETE', `/api/admin/dcr/clients/${client_id}`)
    await assert.rejects(start(again(service)), { code: 'CLIENT_GONE' })
    const DCR_IAT = await idp.initialAccess({ client_profile: 'code-flow-pkjwt' })
    assert.equal((await start(again(service, { DCR_IAT }))).outcome, 'registered')
    assert.equal(await isBelieved(service, idp.url), true)
  })

  it('is registered anew when forced to, and the registration before stays for whoever still runs by it', async () => {
    const service = await registered()
    const before = await credentialsOf(service)
    const DCR_IAT = await idp.initialAccess({ client_profile: 'code-flow-pkjwt' })
    const forced = again(service, { DCR_IAT, DCR_FORCE_REPLACE: 'true' })
    assert.equal((await start(forced)).outcome, 'registered')
    assert.match(forced.lines.join('\n'), new RegExp(`rekey dcr client remove ${before.client_id}$`, 'm'))
    assert.equal(await isBelieved(service, idp.url), true)
    const old = await fetch(`${idp.url}/api/oidc/register/${before.client_id}`, {
      headers: { authorization: `Bearer ${before.registration_access_token}` },
    })
    assert.equal(old.status, 200)
  })

  it('goes on with what it has while the identity provider is away, where that is allowed', async () => {
    const service = await registered()
    const away = { IDP_BASE_URL: 'http://127.0.0.1:9', ALLOW_BOOTSTRAP_FAILURE: 'true' }
    assert.equal((await start(again(service, away))).outcome, 'failed')
    await assert.rejects(start(again(service, { ...away, ALLOW_BOOTSTRAP_FAILURE: 'false' })), {
      code: 'IDP_UNREACHABLE',
    })
    assert.equal(await isBelieved(service, idp.url), true)
  })

  it('killed at each change of its first start, it is registered by the next one, though its token was for one use', async () => {
    const { operations, outcome } = await run(await firstStart(soonStale))
    assert.equal(outcome, 'registered')
    await inTurns(operations, async (killBefore) => {
      const service = await firstStart(soonStale)
      assert.equal((await run(service, killBefore)).signal, 'SIGKILL')
      const { outcome, code } = await run(service)
      assert.match(outcome ?? `${code}`, /^(registered|unchanged|updated|rotated)$/, `killed before ${killBefore}`)
      assert.equal(await isBelieved(service, idp.url), true)
      assert.equal((await credentialsOf(service)).client_id, service.environment.DCR_CLIENT_ID)
      assert.equal((await kids(service)).length, 1)
    })
  })

  it('killed at each change of a rotation, its key is believed all the time, and the next start completes it', async () => {
    const rotating = async () => again(await registered(), { BFF_JWK_ROTATE_AFTER_DAYS: '0', ...soonStale })
    const { operations, outcome } = await run(await rotating())
    assert.equal(outcome, 'rotated')
    await inTurns(operations, async (killBefore) => {
      const service = await rotating()
      assert.equal((await run(service, killBefore)).signal, 'SIGKILL')
      assert.equal(await isBelieved(service, idp.url), true, `the key after a kill before ${killBefore}`)
      const { outcome, code } = await run(service)
      assert.match(outcome ?? `${code}`, /^(unchanged|rotated|updated)$/, `killed before ${killBefore}`)
      assert.equal(await isBelieved(service, idp.url), true)
      assert.equal((await kids(service)).length, 2)
    })
  })

  it('ten replicas on one folder that all are to rotate now make one key', async () => {
    const service = again(await registered(), { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    const ended = await Promise.all(Array.from({ length: 10 }, () => run(service)))
    assert.deepEqual(
      ended.map(({ outcome }) => outcome).toSorted(),
      ['rotated', ...Array(9).fill('unchanged')],
      JSON.stringify(ended),
    )
    assert.equal((await kids(service)).length, 2)
    assert.equal(await isBelieved(service, idp.url), true)
  })

  it('ten replicas with folders of their own take no key away from each other: who finds no room is refused', async () => {
    const service = again(await registered({ BFF_JWK_MAX_KEYS: '3' }), { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    const replicas = await Promise.all(Array.from({ length: 10 }, () => copyOf(service)))
    const ended = await Promise.all(replicas.map((replica) => run(replica)))
    const count = (wanted: string) => ended.filter(({ outcome, code }) => (outcome ?? code) === wanted).length
    assert.deepEqual([count('rotated'), count('TOO_MANY_KEYS')], [2, 8], JSON.stringify(ended))
    for (const replica of replicas) assert.equal(await isBelieved(replica, idp.url), true)
    assert.equal((await kids(service)).length, 3)
  })
})

/** Requests about the registration, and not what leads to them. */
function isRegistering(line: string): boolean {
  return line.includes('/register')
}

/** A few at once, as many as find a processor. */
async function inTurns(count: number, act: (each: number) => Promise<void>): Promise<void> {
  let next = 0
  const goOn = async () => {
    while (next < count) {
      next += 1
      await act(next)
    }
  }
  await Promise.all(Array.from({ length: 4 }, goOn))
}
