import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import type { FastifyRequest } from 'fastify'
import { Pool } from 'undici'
import { type BffEstate, bffEstate, eventually, operate, type TestBff } from './bff.ts'

const count = 10_000
const atOnce = 32
const userAgent = 'a-browser'
const anHourMs = 3_600_000

describe(`${count} sessions`, () => {
  it('live on over a restart, move to newer versions as they are used, and end by the version they hang on', async (t) => {
    const estate = await bffEstate(t, { env: { REKEY_HOST: '127.0.0.1' } })
    const before = [await estate.start(), await estate.start()] as const
    const jars = await begin(before[0], estate)

    await Promise.all(before.map((replica) => replica.close()))
    const [one, other] = [await estate.start(), await estate.start()]
    assert.deepEqual(await answers(jars, one, other), { 200: count }, 'nobody is logged out by a restart')

    const salt = await rotate(one, 'token-hash')
    const sealing = await rotate(other, 'session')
    await waitsFor(one, 'token-hash', salt, count)
    await waitsFor(other, 'session', sealing, count)

    const moving = jars.slice(0, count / 2)
    assert.deepEqual(await answers(moving, one, other), { 200: moving.length })
    await waitsFor(other, 'token-hash', salt, count - moving.length)
    await waitsFor(one, 'session', sealing, count, 'a cookie that was only sent may never have arrived')
    assert.deepEqual(await answers(moving, one, other), { 200: moving.length })
    await waitsFor(one, 'session', sealing, count - moving.length)
    assert.deepEqual(await heldOf(one, 'session'), { [sealing]: count - moving.length, active: moving.length })
    assert.deepEqual(await heldOf(other, 'token-hash'), { [salt]: count - moving.length, active: moving.length })

    await operate(other, 'POST', '/keyrings/session/revoke', { id: sealing, reason: 'a test' })
    assert.deepEqual(await answers(moving, one, other), { 200: moving.length }, 'who moved on stays')
    assert.deepEqual(await answers(jars.slice(count / 2), one, other), { 401: count - moving.length })
    await eventually(
      async () => (await rowsOf(one)).length,
      (left) => left === moving.length,
    )
    await eventually(
      () => stateOf(one, 'token-hash', salt),
      (state) => state === 'retired',
    )
  })
})

/** A cookie as its browser holds it. */
interface Jar {
  cookie: string
}

/** Begins sessions as a login does when the provider has answered. */
async function begin({ bff }: TestBff, { provider }: BffEstate): Promise<Jar[]> {
  return each(
    Array.from({ length: count }, (_, n) => `user-${n}`),
    async (sub) => {
      const request = { ip: '127.0.0.1', headers: { 'user-agent': userAgent } } as unknown as FastifyRequest
      const tokens = {
        accessToken: randomBytes(32).toString('base64url'),
        accessExpiresAt: Date.now() + anHourMs,
        claims: { iss: provider.issuer, sub },
      }
      await bff.sessions.begin(request, tokens, Date.now())
      return { cookie: pairIn(bff.sessions.cookiesFor(request)) }
    },
  )
}

/** How often which status is answered, when each asks who is logged in; half of them ask either replica. */
async function answers(jars: readonly Jar[], ...replicas: readonly TestBff[]): Promise<Record<number, number>> {
  const pools = replicas.map(({ url }) => new Pool(url.replace('localhost', '127.0.0.1'), { connections: atOnce }))
  const statuses = await each(jars, async (jar, n) => {
    const { statusCode, headers, body } = await (pools[n % pools.length] as Pool).request({
      method: 'GET',
      path: '/auth/session',
      headers: { cookie: jar.cookie, 'user-agent': userAgent },
    })
    await body.dump()
    const lines = [headers['set-cookie'] ?? []].flat()
    if (lines.length > 0) jar.cookie = pairIn(lines)
    return statusCode
  })
  await Promise.all(pools.map((pool) => pool.close()))
  return Object.fromEntries([...Map.groupBy(statuses, (status) => status)].map(([status, all]) => [status, all.length]))
}

/** Some at a time, in their order. */
async function each<T, R>(all: readonly T[], act: (one: T, n: number) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  const left = all.entries()
  async function worker(): Promise<void> {
    for (const [n, one] of left) results[n] = await act(one, n)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  return results
}

function pairIn([line = '']: readonly string[]): string {
  const [pair = ''] = line.split(';', 1)
  return pair
}

/** @returns the version that was active until then */
async function rotate(replica: TestBff, name: string): Promise<string> {
  const { versions } = await operate(replica, 'GET', `/keyrings/${name}`)
  const { id } = versions.find(({ state }: { state: string }) => state === 'active')
  await operate(replica, 'POST', `/keyrings/${name}/rotate`)
  await eventually(
    () => stateOf(replica, name, id),
    (state) => state === 'retiring',
  )
  return id
}

async function stateOf(replica: TestBff, name: string, id: string): Promise<string> {
  const { versions } = await operate(replica, 'GET', `/keyrings/${name}`)
  return versions.find((version: { id: string }) => version.id === id).state
}

/** How many sessions need which version, by what operators are told. */
async function heldOf(replica: TestBff, name: string): Promise<Record<string, number>> {
  const { versions } = await operate(replica, 'GET', `/keyrings/${name}`)
  const used = versions.filter(({ held }: { held?: { count: number } }) => held !== undefined && held.count > 0)
  return Object.fromEntries(
    used.map(({ id, state, held }: { id: string; state: string; held: { count: number; until: string } }) => {
      assert.ok(Date.parse(held.until) > Date.now())
      return [state === 'active' ? state : id, held.count]
    }),
  )
}

/** What operators are told that a version waits for. */
async function waitsFor(replica: TestBff, name: string, id: string, sessions: number, why?: string): Promise<void> {
  const told = async () => {
    const { waiting } = await operate(replica, 'GET', `/keyrings/${name}`)
    return waiting.flatMap((wait: { version: string; for: string[] }) => (wait.version === id ? wait.for : []))
  }
  await eventually(told, (parties) => parties.some((party: string) => party.startsWith(`${sessions} `))).catch(
    async (cause) => {
      throw new Error(`${name} waits for ${await told()}, not for ${sessions}: ${why ?? 'they moved'}`, { cause })
    },
  )
}

function rowsOf({ bff }: TestBff) {
  return bff.connection.db.selectFrom('sessions').select('session_id').execute()
}
