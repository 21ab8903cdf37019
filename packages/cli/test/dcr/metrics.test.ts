import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { pushgateway, withoutPushgateway } from './pushgateway.ts'
import { type Scene, type Service, scene } from './scene.ts'

const one = (happened: string) =>
  Object.fromEntries(
    ['success', 'rat_cached', 'rat_invalid', 'jwks_rotation_failed'].map((status) => [
      status,
      Number(status === happened),
    ]),
  )

describe('what a Pushgateway is told of the starts of a service', { skip: withoutPushgateway }, () => {
  let s: Scene
  let bff: Service
  let gateway: Awaited<ReturnType<typeof pushgateway>>
  let told: Record<string, string>

  before(async () => {
    s = await scene()
    gateway = await pushgateway()
    told = { PROM_PUSHGATEWAY_URL: gateway.url }
    bff = s.service()
  })
  after(async () => {
    await gateway.close()
    await s.end()
  })

  const seen = () => gateway.statuses('bff-server')

  it('is success when it was registered', async () => {
    await bff.started({ ...told, DCR_IAT: await s.iat() })
    assert.deepEqual(await seen(), one('success'))
  })

  it('is rat_cached when everything was as it should be', async () => {
    await bff.started(told)
    assert.deepEqual(await seen(), one('rat_cached'))
  })

  it('is success when the key was rotated', async () => {
    await bff.started({ ...told, BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.deepEqual(await seen(), one('success'))
  })

  it('is jwks_rotation_failed when the IdP did not accept the new key', async () => {
    s.wire.meddle(async ({ line }) =>
      line.startsWith('PATCH') ? { status: 400, body: { error: 'invalid_client_metadata' } } : undefined,
    )
    const replaced = { DCR_REDIRECT_UPDATE_MODE: 'replace', DCR_REDIRECT_URIS: 'https://bff.example.com/other' }
    assert.equal((await bff.start({ ...told, ...replaced })).code, 4)
    s.wire.meddle()
    assert.deepEqual(await seen(), one('jwks_rotation_failed'))
  })

  it('is rat_invalid when the registration access token was refused, also where a failure is allowed', async () => {
    await s.idp.json('dcr', 'client', 'renew-token', 'bff-server')
    assert.equal((await bff.start({ ...told, ALLOW_BOOTSTRAP_FAILURE: 'true' })).code, 0)
    assert.deepEqual(await seen(), one('rat_invalid'))
  })
})

describe('a Pushgateway that is away', () => {
  it('does not make a start fail, and is mentioned', async () => {
    const s = await scene()
    const bff = s.service()
    const { code, stderr } = await bff.start({ DCR_IAT: await s.iat(), PROM_PUSHGATEWAY_URL: 'http://127.0.0.1:9' })
    await s.end()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /Pushgateway could not be reached/)
  })
})
