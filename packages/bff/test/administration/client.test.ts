import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { bffEstate, operate, type TestBff } from '../bff.ts'

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

async function recorded({ bff }: TestBff) {
  const events = await bff.connection.db.selectFrom('audit_events').selectAll().orderBy('inserted').execute()
  return events
    .filter(({ action }) => action === 'keyring.rotation_requested' || action === 'keyring.rotated')
    .map(({ action, details }) => [action, details.version])
}

it('whoever asks for another key of this client gets one each time, however new the last one is', async (t) => {
  const { estate } = await byKey(t)
  const bff = await estate.start({ AUTH_CLIENT_ID: '', DCR_IAT: await estate.provider.initialAccessToken() })
  const first = active(await operate(bff, 'GET', '/keyrings/bff-client'))
  const second = active(await rotate(bff))
  const third = active(await rotate(bff))
  assert.equal(new Set([first, second, third]).size, 3)
  assert.deepEqual(await recorded(bff), [
    ['keyring.rotation_requested', undefined],
    ['keyring.rotated', second],
    ['keyring.rotation_requested', undefined],
    ['keyring.rotated', third],
  ])
})

it('a key that was not replaced, or waits for the identity provider, is not recorded as rotated', async (t) => {
  const { estate, folder } = await byKey(t)
  const bff = await estate.start()
  await rm(join(folder, 'jwks.json'))
  await assert.rejects(rotate(bff), /409 .*ILLEGAL_TRANSITION.*rotate again/)
  const shown = await rotate(bff)
  assert.equal(active(shown), 'bff')
  assert.deepEqual(
    shown.waiting.map(({ step }: { step: string }) => step),
    ['activate'],
  )
  assert.deepEqual(await recorded(bff), [
    ['keyring.rotation_requested', undefined],
    ['keyring.rotation_requested', undefined],
  ])
})
