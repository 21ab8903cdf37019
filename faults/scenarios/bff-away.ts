/**
 * What the backend for frontend needs is away for a while: its PostgreSQL, or the identity provider. Users may be told to come again
 * later. Nobody is logged out, and when it is back all goes on with nobody's help.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { BffEstate, ownKeyrings } from '../bff/estate.ts'
import { untilReady } from '../estate/administrator.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { Server } from '../estate/server.ts'
import { until } from '../estate/until.ts'

/** Shorter and longer than a lease. */
const databaseAwayMs = [500, 2_000, 7_000]
/** Shorter and longer than an access token lives. */
const providerAwayMs = [2_000, 14_000]
const killWithinMs = 150

export async function bffDatabaseAway(t: TestContext): Promise<void> {
  const server = await Server.start(t)
  const estate = await BffEstate.start(t, server.bffUrls)
  for (const [round, awayMs] of databaseAwayMs.entries()) {
    await awayInRotation(estate, server, ownKeyrings[(round + 2) % ownKeyrings.length] ?? '', awayMs)
  }
  await estate.conclude()
  t.diagnostic(JSON.stringify({ ...estate.crowd.counts, refreshes: estate.refreshes }))
}

/** kill -9 of PostgreSQL in the middle of a rotation, which is completed when there is one again. */
async function awayInRotation(estate: BffEstate, server: Server, keyring: string, awayMs: number): Promise<void> {
  const { crowd, replicas } = estate
  const [replica] = replicas
  const before = activeOf(await until('the keyring is shown', () => estate.keyring(replica, keyring)))
  const isBack = crowd.outage()
  const killed = wait(Math.random() * killWithinMs).then(() => server.kill())
  const [answer] = await Promise.all([estate.operate(replica, 'POST', `keyrings/${keyring}/rotate`), killed])
  await wait(awayMs)
  await server.restart()
  for (const { url } of replicas) await untilReady(url)
  isBack()
  await until('the rotation is completed', async () => {
    const seen = await estate.keyring(replica, keyring)
    if (!seen) return false
    // What was not answered may not have been written down.
    if (answer?.status !== 202 && !seen.rotation && activeOf(seen) === before)
      await estate.operate(replica, 'POST', `keyrings/${keyring}/rotate`)
    return isRotatedFrom(seen, before)
  })
}

export async function bffProviderAway(t: TestContext): Promise<void> {
  const estate = await BffEstate.start(t)
  const { crowd, idp } = estate
  for (const awayMs of providerAwayMs) {
    await estate.nextRefresh()
    const isBack = crowd.outage()
    await idp.process.kill()
    await wait(awayMs)
    await idp.restart()
    isBack()
    const {
      refreshes,
      crowd: {
        counts: { logins },
      },
    } = estate
    await until('people log in again', () => crowd.counts.logins > logins)
    await until('sessions are refreshed again', () => estate.refreshes > refreshes)
  }
  await estate.conclude()
  assert.ok(crowd.counts.unavailable > 0, 'some were told to come again later')
  t.diagnostic(JSON.stringify({ ...crowd.counts, refreshes: estate.refreshes }))
}
