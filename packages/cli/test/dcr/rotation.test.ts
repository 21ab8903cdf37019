import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { systemClock } from '../../src/clock.ts'
import { isLetIn } from './assertion.ts'
import { type Scene, Service, scene } from './scene.ts'

const minuteMs = 60_000
const dayMs = 86_400_000
const now = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
const get = 'GET /api/oidc/register/bff-server 200'
const patch = 'PATCH /api/oidc/register/bff-server 200'

// One service through its rotations: the tests build on each other, in this order.
describe('a service that is registered', () => {
  let s: Scene
  let bff: Service
  const made: { kid: string; pem: string }[] = []
  const later = (ms: number) => ({ now: () => systemClock() + ms })
  const letIn = ({ kid, pem }: { kid: string; pem: string }) => isLetIn(s.wire.url, 'bff-server', kid, pem)

  before(async () => {
    s = await scene()
    bff = s.service()
    const { kid } = await bff.started({ DCR_IAT: await s.iat() })
    made.push({ kid, pem: bff.key })
    s.wire.taken()
  })
  after(() => s.end())

  async function rotated(more: Record<string, string>, ms = 0): Promise<string[]> {
    const { outcome, kid, jwks } = await bff.started(more, later(ms))
    assert.equal(outcome, 'rotated')
    made.push({ kid, pem: bff.key })
    return jwks.keys.map((key: { kid: string }) => key.kid)
  }

  it('rotates at once by BFF_JWK_ROTATE_AFTER_DAYS=0: GET, PATCH, and only then another PEM; the old key stays good', async () => {
    let pemAtPatch = ''
    s.wire.meddle(async ({ line }) => {
      if (line.startsWith('PATCH')) pemAtPatch = bff.key
      return undefined
    })
    const { code, stdout, stderr } = await bff.start(now)
    s.wire.meddle()
    assert.equal(code, 0, stderr)
    assert.match(stderr, /JWKS rotated successfully/)
    const { outcome, kid, rotated } = JSON.parse(stdout)
    assert.deepEqual([outcome, rotated], ['rotated', true])
    assert.match(kid, /^bff-sig-001-\d{10}-[0-9a-f]{4}$/)
    const [first] = made
    assert.equal(pemAtPatch, first?.pem)
    assert.notEqual(bff.key, first?.pem)
    made.push({ kid, pem: bff.key })

    const [read, change, ...more] = s.wire.taken().filter(({ line }) => line.includes('/register'))
    assert.deepEqual([`${read?.line} ${read?.status}`, `${change?.line} ${change?.status}`, more], [get, patch, []])
    assert.deepEqual(Object.keys(change?.sent), ['jwks'])
    assert.deepEqual(
      change?.sent.jwks.keys.map((key: { kid: string }) => key.kid),
      ['bff-sig-001', kid],
    )
    assert.deepEqual(await Promise.all(made.map(letIn)), [true, true])
  })

  it('is not rotated again by the next start of the same minute: replicas that start together make one key', async () => {
    assert.equal((await bff.started(now)).outcome, 'unchanged')
    assert.deepEqual(s.registrations().slice(-1), [get])
  })

  it('makes and publishes another key where the PEM is gone', async () => {
    rmSync(bff.pem)
    const kids = await rotated({})
    assert.equal(kids.length, 3)
    assert.deepEqual(await Promise.all(made.map(letIn)), [true, true, true])
  })

  it('keeps three keys and no more: the oldest that it replaced itself goes', async () => {
    const kids = await rotated(now, 11 * minuteMs)
    assert.deepEqual(
      kids,
      made.slice(-3).map(({ kid }) => kid),
    )
    assert.deepEqual(await Promise.all(made.map(letIn)), [false, true, true, true])
    s.wire.taken()
  })

  it('rotates by itself when its key is 30 days old, and not before', async () => {
    assert.equal((await bff.started({}, later(29 * dayMs))).outcome, 'unchanged')
    assert.deepEqual(s.registrations().slice(-1), [get])
    await rotated({ BFF_JWK_MAX_KEYS: '10' }, 31 * dayMs)
    assert.deepEqual(s.registrations().slice(-2), [get, patch])
  })

  it('drops keys that are 60 days old by their kid in the rotation after that, whatever the cap', async () => {
    const kids = await rotated({ BFF_JWK_MAX_KEYS: '10' }, 61 * dayMs)
    assert.deepEqual(
      kids,
      made.slice(-2).map(({ kid }) => kid),
    )
    const never = await rotated({ BFF_JWK_MAX_KEYS: '0', BFF_JWK_RETIRE_AFTER_DAYS: '0' }, 200 * dayMs)
    assert.equal(never.length, 3)
  })

  it('keeps its PEM where the IdP does not accept the new key, and goes on with that one at the next start', async () => {
    const { pem } = made.at(-1) ?? assert.fail()
    for (const [status, code] of [
      [400, 'METADATA_REFUSED'],
      [423, 'FROZEN'],
    ] as const) {
      s.wire.meddle(async ({ line }) =>
        line.startsWith('PATCH') ? { status, body: { error: 'no', error_description: 'not now' } } : undefined,
      )
      const ran = await bff.start({ ...now, BFF_JWK_MAX_KEYS: '10' }, later(400 * dayMs))
      const { outcome, rotationFailed } = JSON.parse(ran.stdout)
      assert.deepEqual([ran.code, outcome, rotationFailed], [0, 'unchanged', code])
      assert.equal(bff.key, pem)
    }
    s.wire.meddle()
    assert.equal((await bff.started({ BFF_JWK_MAX_KEYS: '10' })).outcome, 'rotated')
    assert.notEqual(bff.key, pem)
    s.wire.taken()
  })

  it('finds out after a crash that the IdP has accepted: the reply to the PATCH was lost, and no key with it', async () => {
    const before = bff.key
    s.wire.meddle(async ({ line }) => (line.startsWith('PATCH') ? 'lose the reply' : undefined))
    const lost = await bff.start({ ...now, BFF_JWK_MAX_KEYS: '10' }, later(500 * dayMs))
    s.wire.meddle()
    const { kid } = await bff.started({ BFF_JWK_MAX_KEYS: '10' })
    assert.deepEqual([lost.code, JSON.parse(lost.stdout).rotationFailed], [0, 'IDP_UNREACHABLE'])
    assert.notEqual(bff.key, before)
    assert.equal(await letIn({ kid, pem: bff.key }), true)
    s.wire.taken()
  })

  it('of ten replicas that start at once on one folder, by a rotation at once, one makes a key', async () => {
    const other = s.service('replicas')
    await other.started({ DCR_IAT: await s.iat() })
    s.wire.taken()
    const started = await Promise.all(Array.from({ length: 10 }, () => other.started(now)))
    const kids = new Set(started.map(({ kid }) => kid))
    assert.equal(kids.size, 1)
    const patches = s.registrations().filter((line) => line.startsWith('PATCH'))
    assert.deepEqual(patches, ['PATCH /api/oidc/register/replicas 200'])
  })

  it('is refused rather than throwing out the key of a replica with a folder of its own', async () => {
    const one = s.service('separate')
    await one.started({ DCR_IAT: await s.iat() })
    const replicas = [1, 2].map(() => new Service(s.wire.url, 'separate', 'code-flow-pkjwt'))
    for (const [index, replica] of replicas.entries()) {
      // The registration is shared, the keys are not.
      cpSync(one.credentials, replica.credentials)
      await replica.started({ BFF_KID: `bff-${index}` })
    }
    const third = new Service(s.wire.url, 'separate', 'code-flow-pkjwt')
    cpSync(one.credentials, third.credentials)
    s.wire.taken()
    const { code, stdout } = await third.start({ BFF_KID: 'bff-3' })
    assert.deepEqual([code, JSON.parse(stdout).code], [4, 'TOO_MANY_KEYS'])
    assert.deepEqual([s.registrations(), third.hasKey], [['GET /api/oidc/register/separate 200'], false])
    assert.equal((await third.started({ BFF_KID: 'bff-3', BFF_JWK_MAX_KEYS: '4' })).jwks.keys.length, 4)
  })
})
