import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { cp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { Jwk } from '../../src/index.ts'
import { atModern } from '../at-modern.ts'
import { environment, pem, start, stored } from '../client.ts'

describe('a key that was taken out of the registration', () => {
  const at = atModern()

  const registered = async (more: Record<string, string> = {}) =>
    start(at.setting, { DCR_IAT: await at.modern.behind.iat(), ...more })
  const keysOf = async (clientId: string): Promise<Jwk[]> => (await at.modern.behind.client(clientId)).jwks.keys

  /** What an administrator does: replaces the key set as a whole. */
  async function replaced(keys: readonly Jwk[]) {
    const { client_id, registration_access_token: token } = await stored(at.setting)
    const response = await fetch(`${at.setting.idp}/reg/${client_id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ jwks: { keys } }),
    })
    assert.equal(response.status, 200)
  }

  it('does not come back: another one is made and published', async () => {
    const first = await registered()
    const second = await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    const removed = (await keysOf(first.clientId)).at(-1)
    await replaced((await keysOf(first.clientId)).slice(0, 1))
    const third = await start(at.setting)
    assert.equal(third.outcome, 'rotated')
    assert.match(third.lines.join('\n'), /A new key is made: the old one was taken out of the registration\./)
    const keys = await keysOf(first.clientId)
    assert.deepEqual(
      keys.map(({ kid }) => kid),
      [first.kid, third.kid],
    )
    assert.notEqual(third.kid, second.kid)
    assert.ok(!keys.some(({ x, n }) => x === removed?.x && n === removed?.n))
    assert.equal((await start(at.setting)).outcome, 'unchanged')
  })

  it('does not come back either when its PEM has another name by now', async () => {
    const first = await registered()
    const second = await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    await replaced((await keysOf(first.clientId)).slice(0, 1))
    const other = join(at.setting.folder, 'other.pem')
    await rename(environment(at.setting).DCR_SIGNING_KEY, other)
    const third = await start(at.setting, { DCR_SIGNING_KEY: other })
    assert.ok(!(await keysOf(first.clientId)).some(({ kid }) => kid === second.kid))
    assert.notEqual(third.kid, second.kid)
  })

  it('is an error where there is no room for another, because nothing good is left to go on by', async () => {
    const first = await registered()
    const key = (await keysOf(first.clientId))[0]
    await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    await replaced([
      { ...key, kid: 'of-a-sibling' },
      { ...newJwk(), kid: 'of-another' },
    ])
    await assert.rejects(start(at.setting, { BFF_JWK_MAX_KEYS: '2' }), { code: 'TOO_MANY_KEYS' })
    assert.equal((await start(at.setting, { BFF_JWK_MAX_KEYS: '3' })).outcome, 'rotated')
  })

  it('does not come back with a registration that is made anew', async () => {
    const first = await registered()
    const [before] = await keysOf(first.clientId)
    await replaced([newJwk()])
    const anew = await registered({ DCR_FORCE_REPLACE: 'true' })
    const [key] = await keysOf(anew.clientId)
    assert.notEqual(anew.clientId, first.clientId)
    assert.notDeepEqual([key?.x, key?.kid], [before?.x, before?.kid])
  })

  it('and was pending, never registered, is published: a crash is no removal', async () => {
    const first = await registered()
    at.modern.instead = ({ method }) => (method === 'PATCH' ? { status: 423, body: {} } : undefined)
    await start(at.setting, { BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    at.modern.instead = undefined
    const pending = createPublicKey(await readFile(`${environment(at.setting).DCR_SIGNING_KEY}.next`, 'utf8'))
    await start(at.setting)
    const { x, n } = pending.export({ format: 'jwk' })
    const last = (await keysOf(first.clientId)).at(-1)
    assert.deepEqual([last?.x, last?.n], [x, n])
  })

  it('that is served by DCR_JWKS_URI is not signed with while the new one waits, and does not come back', async () => {
    const file = join(at.setting.folder, 'jwks.json')
    const service = createServer(async (_, response) => void response.end(await readFile(file)))
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve))
    const env = { DCR_JWKS_URI: `http://127.0.0.1:${(service.address() as AddressInfo).port}/jwks.json` }
    await registered(env)
    const second = await start(at.setting, { ...env, BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    const { keys } = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, JSON.stringify({ keys: keys.slice(0, 1) }))
    service.closeAllConnections()
    await new Promise((resolve) => service.close(resolve))
    const third = await start(at.setting, env)
    assert.equal(third.outcome, 'rotated')
    assert.deepEqual(
      JSON.parse(await readFile(file, 'utf8')).keys.map(({ kid }: Jwk) => kid),
      [keys[0].kid, third.kid],
    )
    assert.notEqual(third.kid, second.kid)
    await writeFile(file, JSON.stringify({ keys: [] }))
    const fourth = await start(at.setting, env)
    assert.notEqual(fourth.kid, third.kid, 'of a set that was emptied')
    await rm(file)
    assert.equal((await start(at.setting, env)).kid, fourth.kid, 'a file that was lost says nothing')
  })
})

const newJwk = (): Jwk => generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'jwk' }) as Jwk

describe('a service whose DCR_SIGNING_KEY is renamed within its folder', () => {
  const at = atModern()
  const rotateNow = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }
  const renamed = () => ({ DCR_SIGNING_KEY: join(at.setting.folder, 'bff-sig-002.pem'), BFF_KID: 'bff-sig-002' })
  const kidsOf = async (clientId: string) =>
    (await at.modern.behind.client(clientId)).jwks.keys.map(({ kid }: Jwk) => kid)

  it('knows its earlier keys, drops them for the cap, and the first key under the new name is BFF_KID itself', async () => {
    const first = await start(at.setting, { ...rotateNow, DCR_IAT: await at.modern.behind.iat() })
    const kids = [first.kid]
    for (let more = 0; more < 2; more++) {
      kids.push((await start(at.setting, rotateNow)).kid)
      await rm(environment(at.setting).DCR_SIGNING_KEY)
    }
    assert.deepEqual(await kidsOf(first.clientId), kids)
    const second = await start(at.setting, renamed())
    assert.equal(second.kid, 'bff-sig-002')
    assert.deepEqual(await kidsOf(first.clientId), [...kids.slice(1), 'bff-sig-002'])
  })

  it('never drops the key that another PEM of the folder holds: somebody may sign with it', async () => {
    const first = await start(at.setting, { ...rotateNow, DCR_IAT: await at.modern.behind.iat() })
    const second = await start(at.setting, renamed())
    const cap = { ...renamed(), BFF_JWK_MAX_KEYS: '2', BFF_JWK_ROTATE_AFTER_DAYS: '0' }
    await assert.rejects(start(at.setting, cap), { code: 'TOO_MANY_KEYS' })
    assert.deepEqual(await kidsOf(first.clientId), [first.kid, second.kid])
  })

  it('does not use BFF_KID again where the kids of the registration tell that it meant another key', async () => {
    const first = await start(at.setting, { ...rotateNow, DCR_IAT: await at.modern.behind.iat() })
    await start(at.setting, rotateNow)
    const keys = (await at.modern.behind.client(first.clientId)).jwks.keys.slice(-1)
    const { registration_access_token: token, client_id: id } = await stored(at.setting)
    await fetch(`${at.setting.idp}/reg/${id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
      body: JSON.stringify({ jwks: { keys } }),
    })
    const folder = join(at.setting.folder, 'copy')
    await cp(environment(at.setting).BFF_CLIENT_CRED_PATH, join(folder, 'bff_client.json'))
    const copied = await start({ ...at.setting, folder })
    assert.match(copied.kid, /^bff-sig-001-\d+-[0-9a-f]{4}$/)
    assert.notEqual(await pem({ ...at.setting, folder }), await pem(at.setting))
  })
})
