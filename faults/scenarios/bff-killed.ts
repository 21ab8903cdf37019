/**
 * kill -9 of a replica of the backend for frontend: at any moment of a rotation of its keyrings, of a refresh, of logins and logouts,
 * and of the revocation of what sessions are sealed by. The test starts it again, as a supervisor would, and does nothing else.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { BffEstate, ownKeyrings } from '../bff/estate.ts'
import type { Member } from '../estate/estate.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { until } from '../estate/until.ts'

/** On an idle machine a rotation is asked for, activated and confirmed within less. */
const killWithinMs = 400
/** A refresh takes some of that. */
const refreshTakesMs = 60

/** @param rounds a rotation of one keyring and a kill each, every other one in the middle of a refresh */
export async function bffKilled(t: TestContext, rounds: number): Promise<void> {
  const estate = await BffEstate.start(t)
  for (let round = 0; round < rounds; round += 1) {
    const keyring = ownKeyrings[round % ownKeyrings.length] ?? ''
    await killed(estate, keyring, round % 2 === 0 ? wait(Math.random() * killWithinMs) : inRefresh(estate))
  }
  await killedInRevocation(estate)
  await estate.conclude()
  assert.ok(estate.refreshes > rounds, `only ${estate.refreshes} refreshes were seen`)
  t.diagnostic(JSON.stringify({ ...estate.crowd.counts, refreshes: estate.refreshes }))
}

async function inRefresh(estate: BffEstate): Promise<void> {
  await estate.nextRefresh()
  await wait(Math.random() * refreshTakesMs)
}

async function killed(estate: BffEstate, keyring: string, moment: Promise<void>): Promise<void> {
  const [victim, survivor] = twoOf(estate)
  const asked = Math.random() < 0.5 ? victim : survivor
  const before = await activeAt(estate, survivor, keyring)
  const kill = moment.then(() => victim.process.kill())
  const [answer] = await Promise.all([estate.operate(asked, 'POST', `keyrings/${keyring}/rotate`), kill])
  const restarted = victim.restart()
  // Nobody knows whether the request of an operator who got no answer was written down: he looks, and asks again.
  if (answer?.status !== 202) await untilAccepted(estate, survivor, keyring, before)
  await untilRotated(estate, survivor, keyring, before)
  await restarted
}

function untilAccepted(estate: BffEstate, replica: Member, keyring: string, before: string) {
  return until(`a rotation of ${keyring} is accepted`, async () => {
    const seen = await estate.keyring(replica, keyring)
    if (!seen) return false
    if (seen.rotation || activeOf(seen) !== before) return true
    return (await estate.operate(replica, 'POST', `keyrings/${keyring}/rotate`))?.status === 202
  })
}

function untilRotated(estate: BffEstate, replica: Member, keyring: string, before: string) {
  return until(`the rotation of ${keyring} is completed`, async () => {
    const seen = await estate.keyring(replica, keyring)
    return seen && isRotatedFrom(seen, before)
  })
}

/**
 * Those who have used their session since the rotation stay logged in, those who have not are not, although the replica that was
 * asked to revoke is killed.
 */
async function killedInRevocation(estate: BffEstate): Promise<void> {
  const { absent, crowd, people, replicas } = estate
  const [victim, survivor] = twoOf(estate)
  // A login that ends meanwhile would have a session by the older version, and rightly end.
  await estate.pauseLogins()
  const before = await activeAt(estate, survivor, 'session')
  assert.equal((await estate.operate(survivor, 'POST', 'keyrings/session/rotate'))?.status, 202)
  await untilRotated(estate, survivor, 'session', before)
  const after = await activeAt(estate, survivor, 'session')
  for (const person of people) {
    await until(`${person.user.account.username} has a newer cookie`, async () => {
      await crowd.get(person)
      return person.user.sealedBy === after
    })
    // Presented at every replica, it has arrived.
    for (let n = 0; n < 4; n += 1) await crowd.get(person)
  }
  const revoked = await versionsOf(
    estate,
    survivor,
    absent.map(({ user }) => user.sealedBy ?? ''),
  )
  for (const id of revoked) await revoke(estate, victim, survivor, id)
  for (const person of people) await crowd.get(person)
  for (const { user } of absent) {
    for (const { url } of replicas) await crowd.expectEnded(url, user)
    crowd.ended.push({ cookie: user.cookie, userAgent: user.userAgent })
    assert.ok(await crowd.logIn(user), `${user.account.username} logs in again`)
  }
  estate.resumeLogins()
}

/** Of those that are accepted still. */
async function versionsOf(estate: BffEstate, replica: Member, ids: readonly string[]): Promise<string[]> {
  const seen = await until('the keyring is shown', () => estate.keyring(replica, 'session'))
  const accepted = seen.versions.filter(({ state }) => state === 'retiring').map(({ id }) => id)
  const hung = [...new Set(ids)]
  assert.deepEqual(
    hung.filter((id) => !accepted.includes(id)),
    [],
    'what sessions hang on is accepted',
  )
  return hung
}

async function revoke(estate: BffEstate, victim: Member, survivor: Member, id: string): Promise<void> {
  const body = { id, reason: 'a fault was wanted' }
  const answered = estate.operate(victim, 'POST', 'keyrings/session/revoke', body)
  await wait(Math.random() * killWithinMs)
  await victim.process.kill()
  const restarted = victim.restart()
  const answer = await answered
  await until('the revocation is carried out', async () => {
    const seen = await estate.keyring(survivor, 'session')
    const version = seen?.versions.find((one) => one.id === id)
    if (version?.state === 'revoked') return true
    if (answer === undefined && version?.revocation === undefined) {
      return (await estate.operate(survivor, 'POST', 'keyrings/session/revoke', body))?.status === 200
    }
    return false
  })
  await restarted
}

async function activeAt(estate: BffEstate, replica: Member, keyring: string): Promise<string> {
  return activeOf(await until(`${keyring} is shown`, () => estate.keyring(replica, keyring)))
}

function twoOf({ replicas: [first, second] }: BffEstate): [Member, Member] {
  return Math.random() < 0.5 ? [first, second] : [second, first]
}
