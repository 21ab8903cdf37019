import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import { createVerifier, trustFeed, type Verifier } from '../../../src/index.ts'
import { HandClock } from '../../support/clock.ts'
import { heard, makeEstate, one, setOf, startWith, tokenOf, two } from '../../support/estate.ts'
import { type Mood, SimulatedInstances } from '../../support/instances.ts'
import { AUDIENCE, ISSUER, NOW_MS } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { TrustIssuer } from '../../support/trust-issuer.ts'

const TIMEOUT = { timeout: 30_000 }
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('several instances of one issuer', TIMEOUT, () => {
  async function pair(test: TestContext) {
    const next = await TrustIssuer.listen()
    test.after(() => next.close())
    const first = await TrustIssuer.listen()
    const estate = await makeEstate(test, { issuerServer: first, url: [first.url, next.url] })
    return { ...estate, first, next, estate }
  }

  it('feed and lease go to the first address, and the others are left in peace', async (t) => {
    const { next, estate } = await pair(t)
    const feed = await startWith(estate, [one])
    feed.send({ epoch: 1, n: 2, full: false })
    assert.equal((await estate.issuer.leases.next()).body.n, 2)
    assert.deepEqual([next.feeds.size, next.leases.size], [0, 0])
  })

  it('a feed that is sent away is opened at the next one, which goes on from where the other ended', async (t) => {
    const { next, clock, estate } = await pair(t)
    const feed = await startWith(estate, [one], 1, 7)
    const problem = heard(estate.verifier, 'problem')
    feed.end()
    await problem
    clock.advance(250)
    const again = await next.feeds.next()
    assert.equal(again.lastEventId, '1.7')
    again.send({ epoch: 1, n: 8, full: false, jwks: setOf(one, two) })
    const asked = await next.leases.next()
    assert.equal(asked.body.n, 8)
    await until(() => estate.verifier.trust.leaseLeftMs === 15_000)
    assert.ok(estate.verifier.verify(tokenOf(two)))
  })

  it('a refused renewal takes the feed along, and the next one is asked at once', async (t) => {
    const { first, next, clock, estate } = await pair(t)
    const feed = await startWith(estate, [one])
    first.answersLeases = false
    clock.advance(4000)
    feed.send({ epoch: 1, n: 2, full: false })
    ;(await first.leases.next()).reply(503)
    await feed.closed
    assert.equal((await next.feeds.next()).lastEventId, '1.2')
    clock.advance(100)
    assert.equal((await next.leases.next()).body.n, 2)
    await until(() => estate.verifier.trust.leaseLeftMs === 15_000)
  })

  it('feed and renewal that fail at the same moment go on to the next one together, not past it', async (t) => {
    const { first, next, clock, estate } = await pair(t)
    const feed = await startWith(estate, [one])
    first.answersLeases = false
    clock.advance(4000)
    feed.send({ epoch: 1, n: 2, full: false })
    const renewal = await first.leases.next()
    const problem = heard(estate.verifier, 'problem')
    feed.end()
    await problem
    renewal.reply(503)
    await until(() => estate.problems.length === 2)
    clock.advance(250)
    assert.equal((await next.feeds.next()).lastEventId, '1.2')
    assert.equal((await next.leases.next()).body.n, 2)
    assert.deepEqual([first.feeds.size, first.leases.size], [0, 0])
  })

  it('a goodbye is taken by whichever instance can', async (t) => {
    const { first, next, estate } = await pair(t)
    await startWith(estate, [one])
    await first.close()
    await estate.verifier.close()
    assert.deepEqual((await next.goodbyes.next()).body, { instance: 'api-1' })
  })

  it('a connection that is cut without a word, on a real socket, never costs the lease', async (t) => {
    const { first, next, clock, estate } = await pair(t)
    const feed = await startWith(estate, [one])
    first.answersLeases = false
    for (let passedMs = 0; passedMs < 20_000; passedMs += 100) {
      clock.advance(100)
      // The working instance says that it is alive; the first one holds its connections open and says nothing.
      if (next.feeds.size > 0) (await next.feeds.next()).write(': nothing newer\n\n')
      for (let turns = 0; turns < 20; turns += 1) await turn()
      assert.ok(estate.verifier.trust.held, `lost after ${passedMs} ms`)
    }
    await feed.closed
    assert.ok(next.leases.size > 0)
  })
})

describe('the lease over several instances', TIMEOUT, () => {
  interface Simulation {
    readonly clock: HandClock
    readonly verifier: Verifier
    readonly instances: SimulatedInstances
    /** Lets time pass in steps of 50 ms and calls `look` after each. */
    pass(ms: number, look?: () => void): Promise<void>
  }

  async function simulate(moods: readonly Mood[]): Promise<Simulation> {
    const clock = new HandClock(NOW_MS)
    const instances = new SimulatedInstances(clock, one, moods)
    const credential = { clientId: 'api', clientSecret: 'secret', onLeaseLost: 'fail-closed' } as const
    const trust = trustFeed({ url: instances.urls, ...credential, clock, fetch: instances.fetch, random: () => 0.5 })
    const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['ES256'], clock, trust })
    const started = verifier.start()
    const pass = async (ms: number, look = () => {}) => {
      for (let passed = 0; passed < ms; passed += 50) {
        clock.advance(50)
        await turn()
        look()
      }
    }
    await pass(8_000)
    await started
    return { clock, verifier, instances, pass }
  }

  async function end({ verifier, instances, pass }: Simulation): Promise<void> {
    instances.moods.fill('refuses')
    const closed = verifier.close()
    await pass(1_000)
    await closed
  }

  it('is never lost while one of two works, whatever the other does and whenever it begins to', async () => {
    const where = fc.constantFrom('', ' at /trust/feed', ' at /trust/lease')
    const trouble = fc
      .tuple(fc.constantFrom('hangs', 'refuses', 'unavailable'), where)
      .map(([what, at]) => `${what}${at}` as Mood)
    const troubled = fc.array(fc.tuple(fc.nat(1), trouble, fc.integer({ min: 0, max: 200 })), {
      minLength: 1,
      maxLength: 4,
    })
    const runs = { numRuns: process.env.SLOW ? 500 : 15 }
    const property = fc.asyncProperty(troubled, async (troubles) => {
      const simulation = await simulate(['works', 'works'])
      const { verifier, instances, pass } = simulation
      const look = () => assert.ok(verifier.trust.held, JSON.stringify(instances.asked.slice(-8)))
      for (const [index, mood, beginsAfter] of troubles) {
        await pass(beginsAfter * 50, look)
        instances.moods[index] = mood
        await pass(25_000, look)
        instances.moods[index] = 'works'
      }
      await end(simulation)
    })
    await fc.assert(property, runs)
  })

  it('is never nearer than 7 s to its end when one of two hangs for good', async () => {
    const simulation = await simulate(['works', 'works'])
    const { verifier, instances, pass } = simulation
    let leastMs = Number.POSITIVE_INFINITY
    instances.moods[0] = 'hangs'
    await pass(60_000, () => {
      leastMs = Math.min(leastMs, verifier.trust.leaseLeftMs)
    })
    assert.ok(leastMs > 7_000, `${leastMs} ms`)
    await end(simulation)
  })

  it('is earned by an answer that takes 4 s, from the sending of its renewal', async () => {
    const simulation = await simulate(['works', 'works'])
    const { verifier, instances, pass } = simulation
    instances.answerMs = 4_000
    await pass(60_000, () => assert.ok(verifier.trust.held))
    await end(simulation)
  })

  it('is earned elsewhere when an instance goes on saying that we are behind, and sends nothing', async () => {
    const simulation = await simulate(['works', 'works'])
    const { verifier, instances, pass } = simulation
    instances.behind[0] = true
    await pass(30_000, () => assert.ok(verifier.trust.leaseLeftMs > 5_000))
    assert.equal(instances.asked.at(-1)?.instance, 1)
    await end(simulation)
  })

  it('of three instances two may hang, and 6 s are left all the same', async () => {
    const simulation = await simulate(['works', 'works', 'works'])
    const { verifier, instances, pass } = simulation
    instances.moods[0] = 'hangs'
    instances.moods[1] = 'hangs'
    await pass(60_000, () => assert.ok(verifier.trust.leaseLeftMs > 6_000))
    await end(simulation)
  })

  it('does not become a flood of requests when nobody answers', async () => {
    const simulation = await simulate(['works', 'works'])
    const { verifier, instances, pass } = simulation
    instances.moods.fill('refuses')
    const before = instances.asked.length
    await pass(60_000)
    assert.equal(verifier.trust.held, false)
    assert.ok(instances.asked.length - before < 300, `${instances.asked.length - before} requests in a minute`)
    instances.moods[1] = 'works'
    await pass(7_000)
    assert.ok(verifier.trust.held)
    await end(simulation)
  })

  it('begins at whichever instance works', async () => {
    for (const mood of ['hangs', 'refuses', 'unavailable'] as const) {
      const simulation = await simulate([mood, 'works'])
      assert.ok(simulation.verifier.trust.held)
      await end(simulation)
    }
  })
})
