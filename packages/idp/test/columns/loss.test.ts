/** What could cost a key that a value needs: a source that fails half way, and others that have other keys meanwhile. */
import assert from 'node:assert/strict'
import { rm, utimes, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { databaseKeyringStore } from '@rekey/database'
import { changeKeyring, type Keyring, type Version } from '@rekey/keyring'
import { type Estate, eventually, startEstate } from '../estate.ts'
import { activeId, columnsOf, encryptedByOthers, keyFile, keyringOf, newKey, untilAllIsMoved } from './setting.ts'

const about = { action: 'keyring.prepared', actor: 'test', details: {} }

/** As if it were a while ago that the version was prepared. */
async function preparedLongAgo({ db }: Estate, id: string): Promise<void> {
  const earlier = (version: Version) =>
    version.id === id ? { ...version, preparedAt: version.preparedAt - 60_000 } : version
  const change = (keyring: Keyring) => ({ ...keyring, versions: keyring.versions.map(earlier) })
  await changeKeyring(databaseKeyringStore(db), 'columns', change, about)
}

type Shown = { id: string; state: string }[]

test('Nothing is encrypted by a new key before it stands in its source', { timeout: 60_000 }, async (t) => {
  const first = newKey()
  const file = await keyFile(first)
  // Somebody else changes the file, and does not come to an end: it cannot be written.
  const turn = `${file.path}.turn`
  const future = new Date(Date.now() + 3_600_000)
  const estate = await startEstate({ REKEY_COLUMN_KEY: file.source, REKEY_COLUMN_ROTATE_EVERY: '2s' })
  t.after(() => Promise.all([estate.stop(), file.remove()]))
  await writeFile(turn, '')
  await utimes(turn, future, future)
  const idp = await estate.instance()
  const old = await activeId(idp)
  const agent = await idp.manage('POST', '/api/v1/agents', { name: 'one', owner: 'Ada' })
  const { versions } = await eventually(
    () => keyringOf(idp),
    (keyring) => keyring.versions.some(({ id, state }: Shown[0]) => id !== old && state !== 'prepared'),
  )
  const state = (id: string) => versions.find((version: Shown[0]) => version.id === id)?.state
  const tried = versions.filter(({ id }: Shown[0]) => id !== old)
  assert.deepEqual([state(old), tried[0].state], ['active', 'retired'], 'it was given up')
  assert.deepEqual(await file.read(), [first])
  await rm(turn)
  await eventually(
    () => columnsOf(idp),
    ({ sealing, left }) => sealing !== null && sealing !== old && left === 0,
  )
  await idp.close()
  const next = await estate.instance()
  assert.equal((await next.manage('GET', `/api/v1/agents/${agent.body.agentId}`)).body.owner, 'Ada')
})

test('A new key that one instance has is not given up because the others lack it still', {
  timeout: 60_000,
}, async (t) => {
  const [first, second] = [newKey(), newKey()]
  const [here, there] = [await keyFile(first), await keyFile(first)]
  const estate = await startEstate()
  t.after(() => Promise.all([estate.stop(), here.remove(), there.remove()]))
  const one = await estate.instance({ REKEY_COLUMN_KEY: here.source })
  await estate.instance({ REKEY_COLUMN_KEY: there.source })
  const old = await activeId(one)
  await here.write(second, first)
  const { versions } = await eventually(
    () => keyringOf(one),
    (keyring) => keyring.versions.length > 1,
  )
  const successor = versions.find(({ id }: Shown[0]) => id !== old).id
  await preparedLongAgo(estate, successor)
  // Whoever lacks it has looked since then: he takes this in.
  await there.write(first, newKey())
  await eventually(
    () => keyringOf(one),
    (keyring) => keyring.versions.length > 2,
  )
  const seen = (await keyringOf(one)).versions.find(({ id }: Shown[0]) => id === successor)
  assert.equal(seen.state, 'prepared')
  await there.write(second, first)
  await eventually(
    () => columnsOf(one),
    ({ sealing }) => sealing === successor,
  )
})

test('A key by which values of AES-256-CBC may lie is kept while there are any', { timeout: 60_000 }, async (t) => {
  const [first, second] = [newKey(), newKey()]
  const file = await keyFile(first)
  const estate = await startEstate({
    REKEY_COLUMN_KEY: file.source,
    REKEY_ADMIT_LEGACY_COLUMNS: 'cbc',
    REKEY_BACKUPS_KEPT: '0s',
  })
  t.after(() => Promise.all([estate.stop(), file.remove()]))
  const idp = await estate.instance()
  const old = await activeId(idp)
  assert.equal((await idp.manage('POST', '/api/v1/columns/pause')).status, 202)
  const [owner = ''] = encryptedByOthers(first, ['Ada'])
  await estate.db.insertInto('agents').values({ agent_id: 'taken', organization_id: 'default', owner }).execute()
  await file.write(second, first)
  const { versions, waiting } = await eventually(
    () => keyringOf(idp),
    (keyring) =>
      keyring.versions.some(
        ({ id, state, demotedAt }: Shown[0] & { demotedAt?: string }) =>
          id === old && (state === 'retired' || demotedAt),
      ) &&
      (keyring.waiting.length > 0 || keyring.versions.some(({ state }: Shown[0]) => state === 'retired')),
  )
  assert.equal(versions.find(({ id }: Shown[0]) => id === old).state, 'retiring')
  assert.deepEqual(waiting[0]?.for, ['1 encrypted value'])
  assert.deepEqual(await file.read(), [second, first])
  await idp.manage('POST', '/api/v1/columns/reencrypt')
  await untilAllIsMoved(idp)
  assert.equal((await idp.manage('GET', '/api/v1/agents/taken')).body.owner, 'Ada')
  await eventually(file.read, (keys) => keys.length === 1)
})
