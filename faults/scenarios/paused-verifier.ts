/**
 * SIGSTOP of verifiers past their lease, as when a virtual machine is moved, while the key is revoked elsewhere. For
 * those who stand still no time has passed. What lies in their sockets when they wake is answered before they can have
 * renewed anything, so that nothing but the lease protects those answers.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { untilReady } from '../estate/administrator.ts'
import { type Member, startEstate } from '../estate/estate.ts'
import { bearer, decodeUnverified, send } from '../estate/http.ts'
import { queue, queuedHello } from '../estate/queued.ts'
import { TrustWires } from '../wire/trust.ts'

const keyring = 'signing-es256'
const trustLeaseMs = 15_000

/** One wakes with its feed open. The other is cut off by then, and has nothing to go by but its clocks. */
export async function pausedVerifier(t: TestContext): Promise<void> {
  const wires = new TrustWires(t)
  const estate = await startEstate(t, { apiEnvironment: (k, idps) => (k === 1 ? wires.environment(idps) : {}) })
  const { admin, apis, idps, recording } = estate
  const [connected, cutOff] = apis as [Member, Member]
  estate.startLoad()
  const token = await estate.token()
  const { kid } = decodeUnverified(token)
  for (const { url } of apis) assert.equal((await send(`${url}/hello`, bearer(token))).status, 200)

  const calmed = apis.map(({ url }) => recording.disturb(url))
  for (const { process } of apis) await process.pause()
  // The passing of the lease is what this is about.
  const leaseOver = wait(trustLeaseMs)
  assert.equal((await admin.revoke(idps[1]?.url ?? '', keyring, kid))?.status, 200)
  await leaseOver
  wires.freeze()
  const queued = await Promise.all(apis.map(({ url }) => queue(url, queuedHello(token))))
  for (const { process } of apis) process.wake()
  const [byConnected, byCutOff] = await Promise.all(queued.map(({ answer }) => answer))
  // 401 if it reads its feed first: that lies in its sockets as well.
  assert.ok([401, 503].includes(byConnected?.status ?? 0), `${connected.name} answered ${byConnected?.status}`)
  assert.equal(byCutOff?.status, 503, `${cutOff.name} has heard nothing, and knows that it is late`)

  wires.thaw()
  for (const { url } of apis) await untilReady(url)
  for (const calm of calmed) calm()
  for (const { url } of apis) {
    const { status, body } = await send(`${url}/hello`, bearer(token))
    assert.deepEqual([status, body.code], [401, 'key_revoked'])
  }
  estate.promiseState(keyring, kid, ['revoked'])
  await estate.conclude()
}
