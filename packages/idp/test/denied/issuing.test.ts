import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Verifier } from '@rekey/verifier'
import { startApi, verdictOf } from '../api.ts'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'
import { kidIn, openIncident, remediesOf } from '../incidents/remedies/estate.ts'

/** A token, and when it was asked for and answered, by the clock of the test. */
interface Taken {
  token: string
  asked: number
  answered: number
}

const secondOfNow = () => Math.floor(Date.now() / 1_000)

describe('tokens that are issued while all that was issued before is denied', { timeout: 60_000 }, () => {
  let estate: Estate
  let idp: TestInstance
  let other: TestInstance
  let bearer: string
  let api: Verifier
  before(async () => {
    estate = await startEstate()
    idp = await estate.instance()
    other = await estate.instance({ REKEY_ISSUER: idp.url })
    bearer = await idp.management()
    api = await startApi(idp)
  })
  after(async () => {
    await api?.close()
    await estate.stop()
  })

  /** So that most of the second is left in which tokens would be refused. */
  const earlyInASecond = () =>
    eventually(
      async () => Date.now() % 1_000,
      (ms) => ms < 300,
    )

  /** Six workers that get one token after the other, on two instances, while something is done. */
  async function meanwhile(act: () => Promise<void>, instances = [idp, other]): Promise<Taken[]> {
    const taken: Taken[] = []
    let isOver = false
    const workers = [0, 1, 2, 3, 4, 5].map(async (place) => {
      while (!isOver) {
        const asked = performance.now()
        const reply = await (instances[place % instances.length] as TestInstance).token(agent)
        assert.equal(reply.status, 200, JSON.stringify(reply.body))
        taken.push({ token: reply.body.access_token, asked, answered: performance.now() })
      }
    })
    await eventually(
      () => taken.length,
      (count) => count > 6,
    )
    await act()
    const [done, second] = [performance.now(), secondOfNow()]
    // Tokens that are asked for in the second of the cut-off wait for its end.
    await eventually(
      () => taken.filter(({ asked }) => asked > done).length,
      (count) => count > 6 && secondOfNow() > second,
    )
    isOver = true
    await Promise.all(workers)
    return taken
  }

  /** When the verifier has been told by the instance, which then holds it itself. */
  const told = (kind: string, before: number) =>
    eventually(
      async () => [...api.denied()].filter(({ entry }) => kind in entry).length,
      (count) => count > before,
    )
  const held = (kind: string) => [...api.denied()].filter(({ entry }) => kind in entry).length

  test('are good from the moment on at which their instance has applied the end of all sessions', async () => {
    const kid = await kidIn(idp, bearer, 'active')
    await openIncident(estate, { incident: 'all', kid, sessions: [{ all: true }] })
    let applied = Number.POSITIVE_INFINITY
    const taken = await meanwhile(async () => {
      const before = held('iss')
      await earlyInASecond()
      const reply = remediesOf(idp, bearer).post('all', 'sessions')
      await told('iss', before)
      applied = performance.now()
      assert.equal((await reply).status, 200)
    }, [idp])
    const since = taken.filter(({ asked }) => asked > applied)
    assert.ok(since.length > 6, `${since.length}`)
    assert.deepEqual(new Set(since.map(({ token }) => verdictOf(api, token))), new Set(['ok']))
    assert.ok(
      taken.some(({ answered, token }) => answered < applied && verdictOf(api, token) === 'token_denied'),
      'what was issued before is refused',
    )
  })

  for (const [kind, value] of [
    ['iss', () => idp.url],
    ['sub', () => agent.clientId],
    ['client_id', () => agent.clientId],
  ] as const) {
    test(`are good on every instance once ${kind} was denied up to now, and nobody waits for longer than that second`, async () => {
      let answered = Number.POSITIVE_INFINITY
      const taken = await meanwhile(async () => {
        const before = held(kind)
        await earlyInASecond()
        const issuedBefore = new Date().toISOString()
        const entries = [{ [kind]: value(), issuedBefore }]
        assert.equal((await idp.manage('POST', '/api/v1/denied', { entries }, bearer)).status, 200)
        answered = performance.now()
        if (before === 0) await told(kind, before)
      })
      const since = taken.filter(({ asked }) => asked > answered)
      assert.ok(since.length > 6, `${since.length}`)
      await eventually(
        async () => taken.some(({ token }) => verdictOf(api, token) === 'token_denied'),
        (found) => found,
      )
      assert.deepEqual(new Set(since.map(({ token }) => verdictOf(api, token))), new Set(['ok']))
      assert.ok(Math.max(...taken.map(({ asked, answered }) => answered - asked)) < 2_500)
    })
  }

  test('are issued at once where the denial lies further ahead than a second or two, and refused', async () => {
    const issuedBefore = new Date(Date.now() + 600_000).toISOString()
    const entries = [{ client_id: agent.clientId, issuedBefore }]
    const { body } = await idp.manage('POST', '/api/v1/denied', { entries }, bearer)
    const asked = performance.now()
    const token = (await idp.token(agent)).body.access_token
    assert.ok(performance.now() - asked < 900)
    await eventually(
      async () => verdictOf(api, token),
      (code) => code === 'token_denied',
    )
    await idp.manage('DELETE', '/api/v1/denied', { entries: body.entries }, bearer)
    const free = performance.now()
    assert.ok(decodeUnverified((await idp.token(agent)).body.access_token).payload.iat > 0)
    assert.ok(performance.now() - free < 900)
  })

  test('are not issued by a secret that was revoked while they waited', async () => {
    const { agentId } = (await idp.manage('POST', '/api/v1/agents', {}, bearer)).body
    const path = `/api/v1/agents/${agentId}/credentials`
    const { credentialId, clientSecret } = (await idp.manage('POST', path, {}, bearer)).body
    const client = { clientId: agentId, clientSecret }
    assert.equal((await idp.token(client)).status, 200)
    await earlyInASecond()
    // The rest of the second may be too short for a revocation on a busy machine.
    const entries = [{ sub: agentId, issuedBefore: new Date(Date.now() + 1_000).toISOString() }]
    await idp.manage('POST', '/api/v1/denied', { entries }, bearer)
    const waiting = idp.token(client)
    const revoked = await idp.manage('POST', `${path}/${credentialId}/revoke`, { reason: 'stolen' }, bearer)
    assert.equal(revoked.status, 200, JSON.stringify(revoked.body))
    const { status, body } = await waiting
    assert.deepEqual([status, body.error], [401, 'invalid_client'])
  })
})
