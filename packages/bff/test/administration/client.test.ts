import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { bffEstate, eventually, operate, type TestBff } from '../bff.ts'

/** An estate whose BFF authenticates by a key. */
async function byKey(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-bff-keys-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const env = {
    MS_BFF_TOKEN_AUTH_METHOD: 'private_key_jwt',
    AUTH_CLIENT_SECRET: '',
    BFF_KEYS_DIR: folder,
    BFF_KID: 'bff',
    DCR_KEY_ALG: 'ES256',
  }
  return { folder, estate: await bffEstate(t, { env }) }
}

const rotate = (bff: TestBff) => operate(bff, 'POST', '/keyrings/bff-client/rotate', { reason: 'drill' })

const active = ({ versions }: { versions: { id: string; state: string }[] }) =>
  versions.find(({ state }) => state === 'active')?.id

async function recordedNow({ bff }: TestBff) {
  const events = await bff.connection.db.selectFrom('audit_events').selectAll().orderBy('inserted').execute()
  return events
    .filter(({ action }) => action === 'keyring.rotation_requested' || action === 'keyring.activated')
    .filter(({ details }) => details.keyring === 'bff-client')
    .map(({ action, actor, details }) => [action, actor, details.version, details.replaces])
}

/** Once all are in it that are waited for. */
async function recorded(bff: TestBff, length: number) {
  const events = await eventually(
    () => recordedNow(bff),
    (found) => found.length >= length,
  )
  assert.equal(events.length, length)
  return events
}

const requested = ['keyring.rotation_requested', 'bff-admin', undefined, undefined]

it('whoever asks for another key of this client gets one each time, however new the last one is', async (t) => {
  const { estate } = await byKey(t)
  const bff = await estate.start({ AUTH_CLIENT_ID: '', DCR_IAT: await estate.provider.initialAccessToken() })
  const first = active(await operate(bff, 'GET', '/keyrings/bff-client'))
  const firstRecorded = ['keyring.activated', 'rekey', first, undefined]
  assert.deepEqual(await recorded(bff, 1), [firstRecorded])
  const second = active(await rotate(bff))
  const third = active(await rotate(bff))
  assert.equal(new Set([first, second, third]).size, 3)
  assert.deepEqual(await recorded(bff, 5), [
    firstRecorded,
    requested,
    ['keyring.activated', 'rekey', second, first],
    requested,
    ['keyring.activated', 'rekey', third, second],
  ])
})

it('a key that waits for the identity provider is recorded when it takes over, once, whichever replica sees so', async (t) => {
  const { estate } = await byKey(t)
  const [bff, other] = [await estate.start(), await estate.start()]
  await recorded(bff, 1)
  const shown = await rotate(bff)
  assert.equal(active(shown), 'bff')
  const [{ version: waiting, step }] = shown.waiting
  assert.equal(step, 'activate')
  const before = [['keyring.activated', 'rekey', 'bff', undefined], requested]
  assert.deepEqual(await recorded(bff, 2), before)

  const reply = await fetch(`${bff.url}/.well-known/jwks.json`)
  const jwks = (await reply.json()) as { keys: object[] }
  await estate.provider.addClient({
    clientId: 'bff',
    method: 'private_key_jwt',
    jwks,
    redirectUris: [estate.publicUrl],
  })
  assert.deepEqual(await recorded(bff, 3), [...before, ['keyring.activated', 'rekey', waiting, 'bff']])
  await rotate(other)
  await recorded(bff, 4)
})

it('a rotation that is asked for again, while the provider takes its time, is the same one at every replica', async (t) => {
  const { estate } = await byKey(t)
  const registering = { AUTH_CLIENT_ID: '', DCR_IAT: await estate.provider.initialAccessToken() }
  const [bff, other] = [await estate.start(registering), await estate.start(registering)]
  await recorded(bff, 1)
  const { promise: isReleased, resolve: release } = Promise.withResolvers<undefined>()
  const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>()
  estate.provider.intercept = async (_, endpoint) => {
    if (endpoint !== 'reg') return undefined
    asked()
    return isReleased
  }
  const first = rotate(bff)
  await isAsked
  const again = [rotate(bff), rotate(other)]
  await eventually(
    () => recordedNow(bff),
    (events) => events.length === 4,
  )
  release(undefined)
  const kids = (await Promise.all([first, ...again])).map(active)
  assert.equal(new Set(kids).size, 1)
  assert.notEqual(kids[0], 'bff')
  assert.equal((await recorded(bff, 5)).at(-1)?.[2], kids[0])
})

it('a key that was not replaced is not recorded', async (t) => {
  const { estate, folder } = await byKey(t)
  const bff = await estate.start()
  await recorded(bff, 1)
  await rm(join(folder, 'jwks.json'))
  await assert.rejects(rotate(bff), /409 .*ILLEGAL_TRANSITION.*rotate again/)
  await recorded(bff, 2)
})
