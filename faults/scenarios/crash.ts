/**
 * kill -9 of an instance, at any moment of a rotation and in the middle of a revocation. The test starts it again, as a
 * supervisor would, and does nothing else: whatever was begun is carried on by whoever lives.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { type Estate, type Member, startEstate } from '../estate/estate.ts'
import { activeOf, isRotatedFrom } from '../estate/keyring.ts'
import { until } from '../estate/until.ts'

const keyring = 'signing-es256'
/** On an idle machine a rotation is asked for, activated and confirmed within about a tenth of that. */
const killWithinMs = 400

/** Tokens so short-lived that keys are retired while this goes on, and good tokens of theirs would be refused. */
const shortLived = { REKEY_ACCESS_TOKEN_TTL: '20s', REKEY_ROLLBACK_WINDOW: '10s' }

export async function killedInRotations(t: TestContext, rounds: number): Promise<void> {
  const estate = await startEstate(t, { apis: 1, idpEnvironment: () => shortLived })
  estate.startLoad()
  for (let round = 0; round < rounds; round++) await killedInRotation(estate, `round-${round}`)
  await estate.conclude()
}

async function killedInRotation(estate: Estate, name: string): Promise<void> {
  const { admin } = estate
  const [victim, survivor] = twoOf(estate)
  const before = activeOf(await seenAt(estate, survivor))
  const asked = Math.random() < 0.5 ? victim : survivor
  const killed = wait(Math.random() * killWithinMs).then(() => victim.process.kill())
  const [answer, agent] = await Promise.all([admin.rotate(asked.url, keyring), admin.agent(asked.url, name), killed])
  const restarted = victim.restart()
  if (agent) estate.promiseAgent(agent)
  if (answer?.status !== 202) await untilAccepted(estate, survivor, before)
  await untilRotated(estate, survivor, before)
  await restarted
}

/** Nobody knows whether the request of a client that got no answer was written down: it looks, and asks again. */
async function untilAccepted({ admin }: Estate, { url }: Member, before: string): Promise<void> {
  await until('a rotation is accepted', async () => {
    const seen = await admin.keyring(url, keyring)
    if (!seen) return false
    if (seen.rotation || activeOf(seen) !== before) return true
    return (await admin.rotate(url, keyring))?.status === 202
  })
}

async function untilRotated({ admin }: Estate, { url }: Member, before: string): Promise<void> {
  await until('the rotation is completed', async () => {
    const seen = await admin.keyring(url, keyring)
    return seen && isRotatedFrom(seen, before)
  })
}

/** The instance that was asked to revoke the active key dies before it can answer, once the request is written down. */
export async function killedInRevocations(t: TestContext, rounds: number): Promise<void> {
  const estate = await startEstate(t)
  estate.startLoad()
  let unanswered = 0
  for (let round = 0; round < rounds; round++) unanswered += await killedInRevocation(estate)
  await estate.conclude()
  assert.ok(unanswered > 0, 'in some round the instance died before it answered')
}

/** @returns 1 when the instance that was asked died before it answered */
async function killedInRevocation(estate: Estate): Promise<number> {
  const { admin, apis, recording } = estate
  const [victim, survivor] = twoOf(estate)
  const kid = activeOf(await seenAt(estate, survivor))
  const calmed = apis.map(({ url }) => recording.disturb(url))
  const answered = admin.revoke(victim.url, keyring, kid)
  await until('the request is written down', async () => {
    const version = (await admin.keyring(survivor.url, keyring))?.versions.find(({ id }) => id === kid)
    return version?.revocation !== undefined || version?.state === 'revoked'
  })
  await victim.process.kill()
  const restarted = victim.restart()
  const answer = await answered
  await until('the revocation is carried out', async () => {
    const seen = await admin.keyring(survivor.url, keyring)
    return seen?.versions.some(({ id, state }) => id === kid && state === 'revoked')
  })
  estate.promiseState(keyring, kid, ['revoked'])
  await restarted
  await untilRotated(estate, survivor, kid)
  for (const calm of calmed) calm()
  return answer ? 0 : 1
}

function twoOf({ idps }: Estate): [Member, Member] {
  const [first, second] = idps as [Member, Member]
  return Math.random() < 0.5 ? [first, second] : [second, first]
}

function seenAt({ admin }: Estate, { url }: Member) {
  return until(`${url} shows ${keyring}`, () => admin.keyring(url, keyring))
}
