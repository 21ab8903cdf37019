/**
 * A network that goes silent both ways between one verifier and every instance. A rotation that needs it waits, says
 * so, and goes on when its lease is over; a revocation does not wait, and the verifier refuses at the latest when its
 * lease is over.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { untilReady } from '../estate/administrator.ts'
import { type Estate, type Member, startEstate } from '../estate/estate.ts'
import { bearer, decodeUnverified, send } from '../estate/http.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { until } from '../estate/until.ts'
import { TrustWires } from '../wire/trust.ts'

const keyring = 'signing-es256'
const trustLeaseMs = 15_000

export async function cutFromFeed(t: TestContext): Promise<void> {
  const wires = new TrustWires(t)
  const estate = await startEstate(t, { apiEnvironment: (k, idps) => (k === 1 ? wires.environment(idps) : {}) })
  const [connected, cutOff] = estate.apis as [Member, Member]
  estate.startLoad()
  await rotationWaitsForIt(estate, wires, cutOff)
  await revocationDoesNot(estate, wires, { connected, cutOff })
  await estate.conclude()
}

async function rotationWaitsForIt(estate: Estate, wires: TrustWires, cutOff: Member): Promise<void> {
  const { admin } = estate
  const idp = estate.idps[1]?.url ?? ''
  wires.freeze()
  // Its successor was published and acknowledged before: this one has nobody to wait for. The next has.
  const second = await rotate(estate, idp)
  assert.equal((await admin.rotate(idp, keyring))?.status, 202)
  await until(`the rotation waits for ${cutOff.name} by name`, async () => {
    const reply = await admin.call(idp, 'GET', `/api/v1/keyrings/${keyring}`)
    const waiting: { step: string; for: string[] }[] = reply?.body.waiting ?? []
    return waiting.some(
      ({ step, for: parties }) => step === 'activate' && parties.includes(`verifier ${cutOff.name}/process`),
    )
  })
  const token = await estate.token()
  assert.equal(decodeUnverified(token).kid, second, 'the old key signs while it waits')
  await untilRotated(estate, idp, second)
  assert.equal((await send(`${cutOff.url}/hello`, bearer(token))).status, 503, 'its lease was over before that')
  wires.thaw()
  await untilReady(cutOff.url)
}

async function revocationDoesNot(
  estate: Estate,
  wires: TrustWires,
  { connected, cutOff }: { connected: Member; cutOff: Member },
): Promise<void> {
  const idp = estate.idps[1]?.url ?? ''
  const token = await estate.token()
  const { kid } = decodeUnverified(token)
  wires.freeze()
  const calm = estate.recording.disturb(cutOff.url)
  assert.equal((await estate.admin.revoke(idp, keyring, kid))?.status, 200)
  const answeredAt = performance.now()
  estate.promiseState(keyring, kid, ['revoked'])
  await until(
    `${connected.name} refuses it`,
    async () => (await send(`${connected.url}/hello`, bearer(token))).status === 401,
    1_000,
  )
  assert.equal((await send(`${cutOff.url}/hello`, bearer(token))).status, 200, 'nothing but its lease tells it')
  await until(
    `${cutOff.name} refuses it`,
    async () => (await send(`${cutOff.url}/hello`, bearer(token))).status === 503,
  )
  assert.ok(performance.now() - answeredAt <= trustLeaseMs + 500, 'not later than its lease')
  wires.thaw()
  await untilReady(cutOff.url)
  calm()
  const { status, body } = await send(`${cutOff.url}/hello`, bearer(token))
  assert.deepEqual([status, body.code], [401, 'key_revoked'])
}

/** @returns the version that signs afterwards */
async function rotate(estate: Estate, idp: string): Promise<string> {
  const before = activeOf(await until('the keyring is shown', () => estate.admin.keyring(idp, keyring)))
  assert.equal((await estate.admin.rotate(idp, keyring))?.status, 202)
  return untilRotated(estate, idp, before)
}

async function untilRotated({ admin }: Estate, idp: string, before: string): Promise<string> {
  const rotated = await until('the rotation is completed', async () => {
    const seen = await admin.keyring(idp, keyring)
    return seen && isRotatedFrom(seen, before) ? seen : undefined
  })
  return activeOf(rotated)
}
