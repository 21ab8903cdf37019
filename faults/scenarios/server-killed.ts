/** kill -9 of PostgreSQL under load and in rotations. It is started again after a moment, as by a supervisor. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { untilReady } from '../estate/administrator.ts'
import { makeAgents } from '../estate/errands.ts'
import { type Estate, startEstate } from '../estate/estate.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { Server } from '../estate/server.ts'
import { until } from '../estate/until.ts'

const keyring = 'signing-es256'
const killWithinMs = 150
/** From at once to longer than two pings of an instance to itself. */
const downForMs = [0, 300, 1_000, 3_000]

export async function serverKilled(t: TestContext): Promise<void> {
  const server = await Server.start(t)
  const estate = await startEstate(t, { database: server.urls })
  estate.startLoad()
  const endErrands = makeAgents(estate)
  for (const downMs of downForMs) await killedInRotation(estate, server, downMs)
  assert.ok((await endErrands()) > 0, 'agents were made')
  await estate.conclude()
}

async function killedInRotation(estate: Estate, server: Server, downMs: number): Promise<void> {
  const { admin, idps } = estate
  const idp = idps[0]?.url ?? ''
  const before = activeOf(await until('the keyring is shown', () => admin.keyring(idp, keyring)))
  const killed = wait(Math.random() * killWithinMs).then(() => server.kill())
  const [answer] = await Promise.all([admin.rotate(idp, keyring), killed])
  await wait(downMs)
  await server.restart()
  for (const { url } of idps) await untilReady(url)
  await until('the rotation is completed', async () => {
    const seen = await admin.keyring(idp, keyring)
    if (!seen) return false
    // What was not answered may not have been written down.
    if (answer?.status !== 202 && !seen.rotation && activeOf(seen) === before) await admin.rotate(idp, keyring)
    return isRotatedFrom(seen, before)
  })
}
