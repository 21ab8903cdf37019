/**
 * SIGSTOP of an instance past its lease while the other one revokes, and then rotates. Nobody waits for it longer than
 * its lease. When it wakes, it finds requests in its sockets, and all that it has in memory is of before.
 */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { untilReady } from '../estate/administrator.ts'
import { atEnd } from '../estate/at-end.ts'
import { databaseOfRun } from '../estate/database.ts'
import { type Estate, type Member, startEstate } from '../estate/estate.ts'
import { type Answer, basic, decodeUnverified, jsonRequest, send } from '../estate/http.ts'
import { activeOf } from '../estate/keyring.ts'
import { queue, queuedToken } from '../estate/queued.ts'
import { until } from '../estate/until.ts'
import { Wire } from '../wire/proxy.ts'

const keyring = 'signing-es256'
const instanceLeaseMs = 5_000

export async function pausedInstance(t: TestContext): Promise<void> {
  const database = await databaseOfRun(t)
  const wire = await Wire.to(database.serviceUrl)
  atEnd(t, () => wire.close())
  const idpEnvironment = (k: number) => (k === 1 ? { DATABASE_URL: wire.url } : {})
  const estate = await startEstate(t, { database, idpEnvironment })
  const { admin } = estate
  estate.startLoad()
  // Cut off when it wakes, it cannot have read anything by the time at which it answers.
  await pausedWhile(
    estate,
    () => wire.freeze(),
    async (other, kid) => {
      assert.equal((await admin.revoke(other.url, keyring, kid))?.status, 200)
      estate.promiseState(keyring, kid, ['revoked'])
    },
  )
  wire.thaw()
  await untilReady(estate.idps[1]?.url ?? '')
  await pausedWhile(
    estate,
    () => undefined,
    async (other, kid) => {
      assert.equal((await admin.rotate(other.url, keyring))?.status, 202)
      await until('the old key is demoted everywhere', async () => {
        const seen = await admin.keyring(other.url, keyring)
        return seen?.versions.some(({ id, demotedAt }) => id === kid && demotedAt !== undefined)
      })
      estate.promiseState(keyring, kid, ['retiring', 'retired'])
    },
  )
  await untilReady(estate.idps[1]?.url ?? '')
  await estate.conclude()
}

async function pausedWhile(
  estate: Estate,
  beforeWaking: () => void,
  act: (other: Member, kid: string) => Promise<void>,
): Promise<void> {
  const [other, paused] = estate.idps as [Member, Member]
  const kid = activeOf(await until('the keyring is shown', () => estate.admin.keyring(other.url, keyring)))
  const held = await newestTrust(estate, other)
  await paused.process.pause()
  // The passing of the lease is what this is about.
  const leaseOver = wait(instanceLeaseMs)
  await act(other, kid)
  await leaseOver
  const { url } = paused
  const [tokens, jwks, lease] = await Promise.all([
    Promise.all([1, 2, 3].map(() => queue(url, queuedToken(estate.agent)))),
    queue(url, { method: 'GET', path: '/.well-known/jwks.json' }),
    queue(url, { method: 'POST', path: '/trust/lease', authorization: basic(estate.prober), json: held }),
  ])
  beforeWaking()
  paused.process.wake()
  for (const token of tokens) assertNotBy(kid, await token.answer)
  assertNotStale(await jwks.answer, await send(`${other.url}/.well-known/jwks.json`))
  assertNotGranted(await lease.answer)
}

function assertNotBy(kid: string, { status, body }: Answer): void {
  if (status === 503) return
  assert.equal(status, 200)
  assert.notEqual(decodeUnverified(body.access_token).kid, kid, 'a token by the key of before')
}

function assertNotStale({ status, body }: Answer, newest: Answer): void {
  if (status === 503) return
  assert.equal(status, 200)
  const kids = (keys: { kid: string }[]) => keys.map(({ kid }) => kid).sort()
  assert.deepEqual(kids(body.keys), kids(newest.body.keys), 'a JWKS of before')
}

function assertNotGranted({ status, body }: Answer): void {
  if (status === 503) return
  assert.deepEqual([status, body.leaseSeconds], [200, 0], 'a lease on the trust of before')
}

/** Asks with a revision that nobody can hold, which earns nothing and tells the newest one. */
async function newestTrust({ prober }: Estate, { url }: Member) {
  const asked = { instance: 'prober', epoch: 0, n: 0 }
  const { body } = await send(`${url}/trust/lease`, jsonRequest('POST', basic(prober), asked))
  return { ...asked, epoch: body.epoch, n: body.n }
}
