/** Disks that fill up while they are needed, and are given room again by somebody who does nothing else. */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { asDatabaseError, connect, DatabaseError } from '@rekey/database'
import { SmallDisk } from '../disk/small.ts'
import { untilReady } from '../estate/administrator.ts'
import { atEnd } from '../estate/at-end.ts'
import { makeAgents } from '../estate/errands.ts'
import { type Estate, type Member, startEstate } from '../estate/estate.ts'
import { bearer, decodeUnverified, send } from '../estate/http.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { Server } from '../estate/server.ts'
import { until } from '../estate/until.ts'

const keyring = 'signing-es256'
const databaseKilobytes = 700 * 1_024
const stateKilobytes = 64
const trustLeaseMs = 15_000

/**
 * PostgreSQL goes down when it cannot write its log any more: then it is started again and again until it stays up, as
 * a supervisor does.
 */
export async function databaseDiskFull(t: TestContext): Promise<void> {
  const disk = await SmallDisk.mount(t, await folderOf(t), databaseKilobytes)
  if (!disk) return
  const server = await Server.start(t, join(disk.folder, 'home'))
  assert.ok(server.dataFolder.startsWith(disk.folder), 'the data lies on the small disk')
  const supervision = supervise(t, server)
  const estate = await startEstate(t, { database: server.urls })
  const { admin } = estate
  const [first, second] = estate.idps as [Member, Member]
  estate.startLoad()
  const endErrands = makeAgents(estate)
  const before = activeOf(await until('the keyring is shown', () => admin.keyring(first.url, keyring)))

  await disk.fill()
  const answer = await admin.rotate(first.url, keyring)
  await until('the server can write nothing any more', () => isOutOfRoom(server))
  await until('nobody is told that something was stored', async () => {
    const refused = await admin.call(second.url, 'POST', '/api/v1/agents', { name: 'no room' })
    return refused === undefined || refused.status === 503
  })

  await disk.makeRoom()
  for (const { url } of estate.idps) await untilReady(url, 60_000)
  if (answer?.status !== 202) await until('a rotation is accepted', () => isAccepted(estate, first, before))
  await until('the rotation is completed', async () => {
    const seen = await admin.keyring(second.url, keyring)
    return seen && isRotatedFrom(seen, before)
  })
  assert.ok((await endErrands()) > 0, 'agents were made')
  await estate.conclude()
  await supervision.end()
}

/** Fills what its log has left of files it made before: it then needs a new one, for which there is no room. */
async function isOutOfRoom(server: Server): Promise<boolean> {
  const { pool, close } = connect(server.urls.ownerUrl, { max: 1 })
  try {
    for (;;) await pool.query("SELECT pg_logical_emit_message(false, 'filler', repeat('x', 1000000))")
  } catch (error) {
    // Slow is not full.
    if (error instanceof DatabaseError && error.facts.deadlineMs !== undefined) return false
    const translated = asDatabaseError(error)
    if (translated instanceof DatabaseError) return /^(DISK_FULL|UNREACHABLE)$/.test(translated.code)
    throw error
  } finally {
    await close()
  }
}

function supervise(t: TestContext, server: Server): { end(): Promise<void> } {
  let ended = false
  const running = (async () => {
    while (!ended) {
      await Promise.race([server.exited, wait(200)])
      if (!ended && (await isGone(server))) await server.restart().catch(() => wait(500))
    }
  })()
  const end = async () => {
    ended = true
    await running
  }
  atEnd(t, end)
  return { end }
}

function isGone({ exited }: Server): Promise<boolean> {
  return Promise.race([exited.then(() => true), wait(10, false)])
}

async function isAccepted({ admin }: Estate, { url }: Member, before: string): Promise<boolean> {
  const seen = await admin.keyring(url, keyring)
  if (!seen) return false
  return seen.rotation !== undefined || activeOf(seen) !== before || (await admin.rotate(url, keyring))?.status === 202
}

/** What a verifier could not store it must not acknowledge: after a restart it would know nothing of the revocation. */
export async function stateDiskFull(t: TestContext): Promise<void> {
  const disk = await SmallDisk.mount(t, await folderOf(t), stateKilobytes)
  if (!disk) return
  const apiEnvironment = (k: number) => (k === 1 ? { REKEY_STATE_FILE: join(disk.folder, 'trust.json') } : {})
  const estate = await startEstate(t, { apiEnvironment })
  const { admin } = estate
  const api = estate.apis[1] as Member
  const idp = estate.idps[1]?.url ?? ''
  estate.startLoad()
  const token = await estate.token()
  const { kid } = decodeUnverified(token)
  const held = await revisionOf(estate, idp, api)

  await disk.fill()
  assert.equal((await admin.revoke(idp, keyring, kid))?.status, 200)
  estate.promiseState(keyring, kid, ['revoked'])
  await until('it refuses what it has heard of, stored or not', async () => {
    return (await send(`${api.url}/hello`, bearer(token))).status === 401
  })
  const fresh = await estate.token()
  await until(
    'its lease runs out',
    async () => (await send(`${api.url}/hello`, bearer(fresh))).status === 503,
    trustLeaseMs + 1_000,
  )
  assert.deepEqual(await revisionOf(estate, idp, api), held, 'it has acknowledged nothing since')

  await disk.makeRoom()
  await untilReady(api.url)
  await api.process.kill()
  await api.restart()
  assert.equal((await send(`${api.url}/hello`, bearer(token))).body.code, 'key_revoked')
  await estate.conclude()
}

async function revisionOf({ admin }: Estate, idp: string, { name }: Member): Promise<unknown> {
  const listed: { id: string; revision: unknown }[] = await admin.list(idp, 'verifiers')
  return listed.find(({ id }) => id === `${name}/process`)?.revision
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-faults-disk-'))
  atEnd(t, () => rm(folder, { recursive: true, force: true }))
  // PostgreSQL runs as another user, who must get through.
  await chmod(folder, 0o711)
  return join(folder, 'disk')
}
