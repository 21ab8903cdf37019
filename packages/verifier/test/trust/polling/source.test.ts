import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { jwksPolling, systemClock } from '../../../src/index.ts'
import { one, setOf, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { poll, polled, startedWith, told } from '../../support/polled.ts'

const DAY_MS = 86_400_000

describe('trust by polling', { timeout: 20_000 }, () => {
  it('fetches ahead, and each fetch replaces the set', async (t) => {
    const all = await startedWith(t, setOf(one))
    assert.ok(all.verifier.verify(tokenOf(one)))
    all.server.serve(setOf(two))
    await poll(all)
    assert.ok(all.verifier.verify(tokenOf(two)))
    assert.throws(() => all.verifier.verify(tokenOf(one)), refused('key_retired'))
    assert.deepEqual(all.announced, ['keyAdded one', 'asked ok', 'keyAdded two', 'keyRemoved one', 'asked ok'])
  })

  it('uses the last set while the endpoint is down, until the ceiling, and failed fetches do not move that', async (t) => {
    const { server, clock, verifier, sent, announced } = await startedWith(t, setOf(one))
    const answered = () => announced.filter((event) => event.startsWith('asked')).length
    server.answer = (response) => response.writeHead(503).end()
    for (let seconds = 0; seconds < 599; seconds++) {
      clock.advance(1_000)
      await until(() => answered() === sent())
    }
    assert.ok(sent() > 10)
    clock.advance(999)
    assert.ok(verifier.verify(tokenOf(one)))
    clock.advance(1)
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    assert.equal(verifier.trust.held, false)
    await told()
    assert.equal(announced.filter((event) => event === 'leaseLost').length, 1)
    server.serve(setOf(one))
    await verifier.refresh()
    await told()
    assert.equal(announced.at(-1), 'asked ok')
    assert.equal(announced.at(-2), 'leaseRegained')
    assert.ok(verifier.verify(tokenOf(one)))
  })

  it('counts the ceiling from when the good fetch was sent, not from when it was answered', async (t) => {
    const { server, clock, verifier } = await polled(t, { refreshMs: 9_000, ceilingMs: 10_000 })
    const held = server.holdAnswers()
    const started = verifier.start()
    const response = await held.next()
    clock.advance(4_000)
    response.end(JSON.stringify(setOf(one)))
    await started
    assert.equal(verifier.trust.leaseLeftMs, 6_000)
    assert.equal(verifier.trust.ageMs, 4_000)
  })

  it('counts the ceiling by the wall clock too, which goes on while a machine sleeps', async (t) => {
    const { clock, verifier } = await startedWith(t, setOf(one))
    clock.jumpWall(600_000)
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
  })

  it('starts when the endpoint finally answers', async (t) => {
    const { server, clock, verifier } = await polled(t)
    const started = verifier.start()
    for (let tries = 0; tries < 3; tries++) {
      await once(verifier, 'problem')
      if (tries === 2) server.serve(setOf(one))
      // Half of a pause that doubles: the test's random number is 0.
      clock.advance(500 * 2 ** tries)
    }
    await started
  })

  it('keeps a process alive while it waits to start, and not by itself afterwards', async (t) => {
    const background: (boolean | undefined)[] = []
    const { server, clock, verifier } = await polled(t, {
      clock: {
        ...systemClock,
        after(delayMs, act, inBackground) {
          // Time limits of single fetches end by themselves.
          if (delayMs !== 5_000) background.push(inBackground)
          return clock.after(delayMs, act)
        },
      },
    })
    const failed = once(verifier, 'problem')
    const started = verifier.start()
    await failed
    assert.deepEqual(background, [false])
    server.serve(setOf(one))
    clock.advance(1_000)
    await started
    assert.deepEqual(background, [false, true, true])
  })

  it('does nothing any more once it was closed', async (t) => {
    const { server, clock, verifier, sent, announced } = await startedWith(t, setOf(one))
    const held = server.holdAnswers()
    const refreshed = assert.rejects(verifier.refresh(), refused('verifier_closed'))
    const waiting = assert.rejects(verifier.refresh(), refused('verifier_closed'))
    const response = await held.next()
    const heard = [...announced]
    const cut = once(response, 'close')
    await verifier.close()
    await Promise.all([refreshed, waiting, cut])
    await assert.rejects(verifier.refresh(), refused('verifier_closed'))
    await assert.rejects(verifier.authenticate(tokenOf(two)), refused('trust_unavailable'))
    clock.advance(3_600_000)
    await told()
    assert.equal(sent(), 2)
    assert.deepEqual(announced, heard)
    assert.deepEqual({ held: verifier.trust.held, left: verifier.trust.leaseLeftMs }, { held: false, left: 0 })
  })

  it('leaves no timer behind', async (t) => {
    const { verifier, clock } = await startedWith(t, setOf(one))
    // The next fetch, the end of the ceiling, and one of the deny-list: that the time limit was cancelled shows in their number.
    assert.equal(clock.pending, 3)
    await verifier.close()
    assert.equal(clock.pending, 0)
  })

  it('is not asked without end where it is to be asked once a month, which no timer of the machine can wait for', async (t) => {
    const timers = t.mock.method(globalThis, 'setTimeout')
    const { server, verifier } = await polled(t, { clock: systemClock, refreshMs: 30 * DAY_MS, ceilingMs: 31 * DAY_MS })
    server.serve(setOf(one))
    await verifier.start()
    const delays = timers.mock.calls.map(({ arguments: [, delayMs] }) => Number(delayMs))
    // Both the next fetch and the end of the ceiling: a longer one would be over after a millisecond.
    assert.equal(delays.filter((delayMs) => delayMs === 2 ** 31 - 1).length, 2)
    assert.ok(Math.max(...delays) < 2 ** 31)
  })

  it('asks again soon after the first failure, however many there were before the last good answer', async (t) => {
    const all = await startedWith(t, setOf(one))
    all.server.answer = (response) => response.writeHead(503).end()
    for (const pauseMs of [60_000, 500, 1_000, 2_000, 4_000]) assert.equal(await poll(all, pauseMs), 'jwks_failed')
    all.server.serve(setOf(one))
    assert.equal(await poll(all, 8_000), 'ok')
    all.server.answer = (response) => response.writeHead(503).end()
    for (const pauseMs of [60_000, 500]) assert.equal(await poll(all, pauseMs), 'jwks_failed')
  })

  it('tells whoever waits for its start that it was closed', async (t) => {
    const { verifier } = await polled(t)
    const started = assert.rejects(verifier.start(), refused('verifier_closed'))
    await verifier.close()
    await started
  })

  it('refuses options that are not sound, and repeats nothing secret of them', () => {
    const jwksUri = 'https://idp.example.com/jwks.json'
    assert.ok(jwksPolling({ jwksUri }))
    const wrong = [
      undefined,
      { jwksUri: 'http://idp.example.com/jwks.json' },
      { jwksUri: undefined },
      { jwksUri, refreshMs: 0 },
      { jwksUri, refreshMs: 10_000, ceilingMs: 10_000 },
      { jwksUri, maxBytes: Number.NaN },
      { jwksUri, unknownKidMs: -1 },
      { jwksUri, fetch: 'https://proxy.example.com' },
      { jwksUri, headers: { authorization: 'secret\u0000' } },
    ]
    for (const options of wrong) {
      assert.throws(
        () => jwksPolling(options as never),
        (error) => error instanceof TypeError && !`${error.stack}${error.cause}`.includes('secret'),
      )
    }
  })
})
