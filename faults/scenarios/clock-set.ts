/**
 * A clock that is set back, or forward, by an hour while a process runs, and set right again later.
 *
 * What must hold whichever clock it is: no token by a revoked key is accepted, a lease ends when either clock says so,
 * and when the clock is right again all recovers by itself. The rest is what can be expected, and is said in each
 * scenario.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { FakeClock } from '../clock/fake.ts'
import { underClock } from '../clock/server.ts'
import { untilReady } from '../estate/administrator.ts'
import { atEnd } from '../estate/at-end.ts'
import { databaseOfRun } from '../estate/database.ts'
import { type Estate, type Member, startEstate } from '../estate/estate.ts'
import { type Answer, bearer, decodeUnverified, send, tokenRequest } from '../estate/http.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { queue, queuedHello, queuedToken, type RawRequest } from '../estate/queued.ts'
import { Server } from '../estate/server.ts'
import { until } from '../estate/until.ts'
import { Wire } from '../wire/proxy.ts'
import { TrustWires } from '../wire/trust.ts'

const keyring = 'signing-es256'
const hourMs = 3_600_000
const trustLeaseMs = 15_000
const toldWithinMs = 1_000

/**
 * An instance. Set either way it has no lease at once, and takes a new one by the new time. Its tokens are then of its
 * time: an hour behind, they have run out when they are issued, and APIs refuse them; an hour ahead, they live an hour
 * longer than anybody reckons with, and APIs cannot tell. It takes part in rotations and revocations as ever, since
 * their times are the database's.
 */
export async function clockOfInstance(t: TestContext): Promise<void> {
  const clock = await FakeClock.make(t)
  if (clock) await instanceUnder(clock, t)
}

async function instanceUnder(clock: FakeClock, t: TestContext): Promise<void> {
  const database = await databaseOfRun(t)
  const wire = await Wire.to(database.serviceUrl)
  atEnd(t, () => wire.close())
  const idpEnvironment = (k: number) => (k === 1 ? { ...clock.environment, DATABASE_URL: wire.url } : {})
  const estate = await startEstate(t, { database, idpEnvironment })
  const astray = estate.idps[1] as Member
  const api = estate.apis[0] as Member
  estate.startLoad()
  for (const { aheadMs, status } of [
    { aheadMs: -hourMs, status: 401 },
    { aheadMs: hourMs, status: 200 },
  ]) {
    await endsItsLease(aheadMs)
    const { body } = await send(`${astray.url}/api/v1/token`, tokenRequest(estate.agent))
    assert.equal((await send(`${api.url}/hello`, bearer(body.access_token))).status, status)
    await rotateAndRevoke(estate, astray)
    await endsItsLease(0)
  }
  await estate.conclude()

  // With the database out of reach, so that it cannot have a new one by the time at which it answers.
  async function endsItsLease(aheadMs: number): Promise<void> {
    wire.freeze()
    assert.equal((await afterSetting(clock, aheadMs, astray, queuedToken(estate.agent))).status, 503)
    wire.thaw()
    await untilReady(astray.url)
  }
}

/**
 * A verifier. An hour ahead, its lease is over at once, by its wall clock; once it is renewed, it takes every token for
 * expired. An hour behind, it takes tokens for an hour after they ran out: only the claims tell, and only by its clock.
 * Its lease then ends by the other clock, and what is revoked it refuses as ever.
 */
export async function clockOfVerifier(t: TestContext): Promise<void> {
  const clock = await FakeClock.make(t)
  if (!clock) return
  const wires = new TrustWires(t)
  const estate = await startEstate(t, {
    idpEnvironment: () => ({ REKEY_ACCESS_TOKEN_TTL: '10s' }),
    apiEnvironment: async (k, idps) => (k === 1 ? { ...clock.environment, ...(await wires.environment(idps)) } : {}),
  })
  const astray = estate.apis[1] as Member
  estate.startLoad()
  const hello = async (token: string) => {
    const { status, body } = await send(`${astray.url}/hello`, bearer(token))
    return body.code ?? status
  }

  const token = await estate.token()
  // Cut off, so that it cannot have a new lease by the time at which it answers.
  wires.freeze()
  assert.equal((await afterSetting(clock, hourMs, astray, queuedHello(token))).status, 503)
  wires.thaw()
  await untilReady(astray.url)
  assert.equal(await hello(await estate.token()), 'token_expired')
  assert.equal((await afterSetting(clock, 0, astray, queuedHello(await estate.token()))).status, 200)

  await clock.set(-hourMs)
  const { expiresAt } = decodeUnverified(token)
  await until('a token has run out', () => Date.now() > expiresAt)
  assert.equal(await hello(token), 200)
  const revoked = await rotateAndRevoke(estate, estate.idps[1] as Member)
  await until('the revoked key is refused', async () => (await hello(revoked)) === 'key_revoked', toldWithinMs)
  const fresh = await estate.token()
  wires.freeze()
  const leaseOver = until(
    'its lease is over',
    async () => (await hello(fresh)) === 'trust_unavailable',
    trustLeaseMs + 500,
  )
  // Set back further, its wall clock never reaches the end of the lease.
  await clock.set(-2 * hourMs)
  await leaseOver
  wires.thaw()
  await clock.set(0)
  await estate.conclude({ expected: new RegExp(`^${astray.url} refused a good token .* \\(token_expired\\)`) })
}

/**
 * The database, whose clock all times of a keyring and all rows of leases are taken from. Whoever lives goes on
 * renewing by the new time, so that rotations and revocations complete an hour behind as well as ahead. An hour forward
 * (which to set a clock right may be) keys are retired an hour too early, with tokens of theirs still good: more than
 * the skew that was configured is more than was reckoned with. Nothing revoked comes back for it.
 */
export async function clockOfDatabase(t: TestContext): Promise<void> {
  const clock = await FakeClock.make(t)
  if (!clock) return
  const server = await Server.start(t)
  await underClock(t, server, clock)
  const estate = await startEstate(t, { database: server.urls })
  estate.startLoad()
  for (const aheadMs of [-hourMs, hourMs, 0]) {
    await clock.set(aheadMs)
    for (const { url } of [...estate.idps, ...estate.apis]) await untilReady(url)
    await rotateAndRevoke(estate, estate.idps[1] as Member)
  }
  await estate.conclude({ expected: / refused a good token .* \(key_retired\)/ })
}

/** Stops a process for the moment in which its clock is set, so that nothing of its own comes before the request. */
async function afterSetting(clock: FakeClock, aheadMs: number, member: Member, request: RawRequest): Promise<Answer> {
  await member.process.pause()
  await clock.set(aheadMs)
  const { answer } = await queue(member.url, request)
  member.process.wake()
  return answer
}

/**
 * Asked for at one instance, both must complete. The load sees to it that the revoked key is tried everywhere.
 *
 * @returns a token by the revoked key
 */
async function rotateAndRevoke(estate: Estate, { url }: Member): Promise<string> {
  const { admin } = estate
  const before = activeOf(await until('the keyring is shown', () => admin.keyring(url, keyring)))
  await until('a rotation is accepted', async () => (await admin.rotate(url, keyring))?.status === 202)
  await until('the rotation is completed', async () => {
    const seen = await admin.keyring(url, keyring)
    return seen && isRotatedFrom(seen, before)
  })
  const token = await estate.token()
  const { kid } = decodeUnverified(token)
  await until('the revocation is answered', async () => (await admin.revoke(url, keyring, kid))?.status === 200)
  estate.promiseState(keyring, kid, ['revoked'])
  return token
}
