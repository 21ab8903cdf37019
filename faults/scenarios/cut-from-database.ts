/**
 * A network that goes silent both ways between one instance and PostgreSQL: no connection ends, none is refused, and
 * nothing arrives. What was asked before the fault reaches the server when the wire is thawed, long after.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { untilReady } from '../estate/administrator.ts'
import { atEnd } from '../estate/at-end.ts'
import { databaseOfRun } from '../estate/database.ts'
import { type Member, startEstate } from '../estate/estate.ts'
import { decodeUnverified, send, tokenRequest } from '../estate/http.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { until } from '../estate/until.ts'
import { Wire } from '../wire/proxy.ts'

const keyring = 'signing-es256'
const instanceLeaseMs = 5_000
/** From one answer of the instance to the next, and what this process itself is late by. */
const measuredWithinMs = 1_000

export async function cutFromDatabase(t: TestContext): Promise<void> {
  const database = await databaseOfRun(t)
  const wire = await Wire.to(database.serviceUrl)
  atEnd(t, () => wire.close())
  const idpEnvironment = (k: number) => (k === 1 ? { DATABASE_URL: wire.url } : {})
  const estate = await startEstate(t, { database, idpEnvironment })
  const { admin, agent } = estate
  const [other, cutOff] = estate.idps as [Member, Member]
  estate.startLoad()
  const before = activeOf(await until('the keyring is shown', () => admin.keyring(other.url, keyring)))

  wire.freeze()
  const frozenAt = performance.now()
  await until('it signs no more', async () => {
    const { status } = await send(`${cutOff.url}/api/v1/token`, tokenRequest(agent))
    return status === 503
  })
  const signedForMs = performance.now() - frozenAt
  assert.ok(signedForMs <= instanceLeaseMs + measuredWithinMs, `it went on signing for ${signedForMs} ms`)

  assert.equal((await admin.rotate(other.url, keyring))?.status, 202)
  await until('the other one rotates', async () => {
    const seen = await admin.keyring(other.url, keyring)
    return seen && isRotatedFrom(seen, before)
  })
  const revoked = decodeUnverified(await estate.token()).kid
  assert.equal((await admin.revoke(other.url, keyring, revoked))?.status, 200)
  estate.promiseState(keyring, revoked, ['revoked'])
  assert.notEqual(decodeUnverified(await estate.token()).kid, revoked)
  assert.equal((await send(`${cutOff.url}/readyz`)).status, 503)

  wire.thaw()
  await untilReady(cutOff.url)
  await estate.conclude()
}
