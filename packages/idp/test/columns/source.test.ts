import assert from 'node:assert/strict'
import { rename } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { operate, startVault } from '@rekey/secrets/testing'
import { type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { activeId, columnsOf, keyFile, keyringOf, newKey, untilAllIsMoved, versionsStored } from './setting.ts'

const soon = { REKEY_BACKUPS_KEPT: '0s' }

async function described(idp: TestInstance, owner = 'Ada'): Promise<string> {
  const { status, body } = await idp.manage('POST', '/api/v1/agents', { name: 'one', owner })
  assert.equal(status, 201)
  return body.agentId
}

const ownerOf = async (idp: TestInstance, id: string) => (await idp.manage('GET', `/api/v1/agents/${id}`)).body.owner
const worries = async (idp: TestInstance): Promise<string[]> =>
  (await columnsOf(idp)).worries.map(({ what }: { what: string }) => what)

async function eventsOf({ db }: Estate, action: string) {
  return db.selectFrom('audit_events').select(['actor', 'details']).where('action', '=', action).execute()
}

describe('keys of encrypted columns that come from a file', { timeout: 90_000, concurrency: 2 }, () => {
  test('rotate without a restart when a new one stands in front, and the old one leaves the file in the end', async (t) => {
    const [first, second] = [newKey(), newKey()]
    const file = await keyFile(first)
    const estate = await startEstate({ REKEY_COLUMN_KEY: file.source, ...soon })
    t.after(() => Promise.all([estate.stop(), file.remove()]))
    const idp = await estate.instance()
    const old = await activeId(idp)
    const agentId = await described(idp)
    await file.write(second, first)
    const { sealing } = await eventually(
      () => columnsOf(idp),
      (seen) => seen.sealing !== old && seen.left === 0,
    )
    assert.deepEqual(await versionsStored(estate), { [sealing]: 1 })
    assert.equal(await ownerOf(idp, agentId), 'Ada')
    const [destroyed] = await eventually(
      () => eventsOf(estate, 'columns.key_destroyed'),
      (events) => events.length > 0,
    )
    assert.deepEqual(destroyed?.details, { version: old, variable: 'REKEY_COLUMN_KEY' })
    assert.deepEqual(await file.read(), [second])
    const documents = await estate.db.selectFrom('keyrings').select('document').execute()
    assert.doesNotMatch(JSON.stringify(documents), new RegExp(`${first}|${second}`))
    await idp.close()
    assert.equal(await ownerOf(await estate.instance(), agentId), 'Ada')
  })

  test('are written there by us when a rotation is asked for', async (t) => {
    const first = newKey()
    const file = await keyFile(first)
    const estate = await startEstate({ REKEY_COLUMN_KEY: file.source })
    t.after(() => Promise.all([estate.stop(), file.remove()]))
    const idp = await estate.instance()
    const old = await activeId(idp)
    await described(idp)
    const asked = await idp.manage('POST', '/api/v1/keyrings/columns/rotate', { reason: 'yearly' })
    assert.equal(asked.status, 202)
    assert.equal(asked.body.rotation.reason, 'yearly')
    const { sealing } = await eventually(
      () => columnsOf(idp),
      (seen) => seen.sealing !== old && seen.left === 0,
    )
    const keys = await file.read()
    assert.deepEqual([keys.length, keys[1]], [2, first])
    assert.equal(await activeId(idp), sealing)
    for (const act of ['prepare', 'rollback']) {
      const { status, body } = await idp.manage('POST', `/api/v1/keyrings/columns/${act}`)
      assert.deepEqual([status, body.code], [409, 'KEY_FROM_SOURCE'])
    }
  })

  test('stay in force while the file has none of them, or is no file of keys, or is gone', async (t) => {
    const [first, second] = [newKey(), newKey()]
    const file = await keyFile(first)
    const estate = await startEstate({ REKEY_COLUMN_KEY: file.source })
    t.after(() => Promise.all([estate.stop(), file.remove()]))
    const idp = await estate.instance()
    const sealing = await activeId(idp)
    const agentId = await described(idp)
    for (const [content, complaint] of [
      [second, new RegExp(`has no key ${sealing}`)],
      ['no key at all', /64 hexadecimal digits/],
    ] as const) {
      await file.write(content)
      await eventually(
        () => worries(idp),
        (told) => told.some((what) => complaint.test(what)),
      )
      assert.equal(await activeId(idp), sealing)
      assert.equal(await ownerOf(idp, agentId), 'Ada')
      await described(idp, 'Grace')
      await assert.rejects(estate.instance(), { code: 'COLUMN_KEY_WRONG' })
    }
    await rename(file.path, `${file.path}.away`)
    await eventually(
      () => worries(idp),
      (told) => told.some((what) => /cannot be read|there is no/.test(what)),
    )
    assert.equal(await ownerOf(idp, agentId), 'Ada')
    await rename(`${file.path}.away`, file.path)
    await file.write(first)
    await eventually(
      () => worries(idp),
      (told) => told.length === 0,
    )
  })

  test('are sealed by when every instance has read them: one that lacks the new key is waited for', async (t) => {
    const [first, second] = [newKey(), newKey()]
    const [here, there] = [await keyFile(first), await keyFile(first)]
    const estate = await startEstate()
    t.after(() => Promise.all([estate.stop(), here.remove(), there.remove()]))
    const one = await estate.instance({ REKEY_COLUMN_KEY: here.source })
    const other = await estate.instance({ REKEY_COLUMN_KEY: there.source })
    const agentId = await described(other)
    const old = await activeId(one)
    await here.write(second, first)
    const { waiting } = await eventually(
      () => keyringOf(one),
      (keyring) => keyring.waiting.length > 0,
    )
    assert.match(waiting[0].for.join(), new RegExp(`^instance [^ ]*:${new URL(other.url).port} `))
    assert.equal((await columnsOf(one)).sealing, old)
    assert.equal(await ownerOf(one, await described(one, 'Grace')), 'Grace')
    await there.write(second, first)
    const { sealing } = await eventually(
      () => columnsOf(one),
      (seen) => seen.sealing !== old && seen.left === 0,
    )
    assert.deepEqual(await versionsStored(estate), { [sealing]: 2 })
    for (const idp of [one, other]) assert.equal(await ownerOf(idp, agentId), 'Ada')
  })

  test('go into escrow when no value hangs on them, are taken out by name, and erased at their time', async (t) => {
    const [first, second] = [newKey(), newKey()]
    const file = await keyFile(first)
    const estate = await startEstate({ REKEY_COLUMN_KEY: file.source, REKEY_ESCROW_FOR: '6s' })
    t.after(() => Promise.all([estate.stop(), file.remove()]))
    const idp = await estate.instance()
    const old = await activeId(idp)
    await described(idp)
    await file.write(second, first)
    const escrow = async () => (await idp.manage('GET', '/api/v1/columns/escrow')).body.keys
    const [kept] = await eventually(escrow, (keys) => keys.length > 0)
    assert.deepEqual([kept.version, kept.state], [old, 'retired'])
    // A backup of yesterday has the values, and no escrow.
    assert.deepEqual(await file.read(), [second, first])
    const path = `/api/v1/columns/escrow/${old}/take-out`
    assert.equal((await idp.manage('POST', path, {})).status, 400)
    const taken = await idp.manage('POST', path, { reason: 'a backup of spring' })
    assert.deepEqual([taken.body.key, taken.headers.get('cache-control')], [first, 'no-store'])
    const [event] = await eventsOf(estate, 'columns.escrow_taken_out')
    assert.deepEqual(event, { actor: 'admin-1', details: { version: old, reason: 'a backup of spring' } })
    await eventually(escrow, (keys) => keys.length === 0)
    assert.equal((await idp.manage('POST', path, { reason: 'too late' })).body.code, 'UNKNOWN_ESCROW')
    await eventually(file.read, (keys) => String(keys) === second)
    assert.doesNotMatch(idp.lines.join(''), new RegExp(`${first}|${second}`))
  })
})

test('Keys of encrypted columns that come from a variable are rotated by whoever gives it', {
  timeout: 60_000,
}, async (t) => {
  const COLUMN = newKey()
  const estate = await startEstate({ REKEY_COLUMN_KEY: 'env:COLUMN', COLUMN })
  t.after(() => estate.stop())
  const idp = await estate.instance()
  await described(idp)
  const { status, body } = await idp.manage('POST', '/api/v1/keyrings/columns/rotate', {})
  assert.deepEqual([status, body.code], [409, 'KEY_FROM_SOURCE'])
  assert.match(body.message, /REKEY_COLUMN_KEY.*put a new one in front/)
  await idp.close()
  await assert.rejects(estate.instance({ COLUMN: newKey() }), { code: 'COLUMN_KEY_WRONG' })
  const next = await estate.instance({ COLUMN: `${newKey()} ${COLUMN}` })
  await untilAllIsMoved(next)
  await next.close()
  await assert.rejects(estate.instance({ REKEY_COLUMN_KEY: '' }), { code: 'COLUMN_KEY_WRONG' })
})

test('Keys of encrypted columns that come from Vault rotate when another version is written, and nothing else is done', {
  timeout: 90_000,
}, async (t) => {
  const vault = await startVault()
  const env = {
    VAULT_ADDR: vault.url,
    VAULT_TOKEN: vault.token,
    ENCRYPTION_KEY_VAULT_PATH: 'secret/agentidp/encryption',
  }
  const estate = await startEstate({ ...env, ...soon })
  t.after(async () => {
    await estate.stop()
    await vault.close()
  })
  const write = (encryptionKey: string) =>
    operate({ address: vault.url, token: vault.token }, 'POST', 'secret/data/agentidp/encryption', {
      data: { encryptionKey },
    })
  await write(newKey())
  const idp = await estate.instance()
  const old = await activeId(idp)
  const agentId = await described(idp)
  await write(newKey())
  await eventually(
    () => columnsOf(idp),
    (seen) => seen.sealing !== old && seen.left === 0,
  )
  await eventually(
    () => eventsOf(estate, 'columns.key_destroyed'),
    (events) => events.length > 0,
  )
  assert.equal(await ownerOf(idp, agentId), 'Ada')
  await idp.close()
  assert.equal(await ownerOf(await estate.instance(), agentId), 'Ada')
})
