import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { denyList } from '../../../src/deny/list.ts'
import { trustFeed } from '../../../src/trust/feed/source.ts'
import type { TrustEvents } from '../../../src/trust/source.ts'
import { HandClock } from '../../support/clock.ts'
import { one, setOf, two } from '../../support/estate.ts'
import { NOW_MS } from '../../support/keys.ts'
import { Mailbox, until } from '../../support/mailbox.ts'
import { type OpenFeed, TrustIssuer } from '../../support/trust-issuer.ts'

const issuedBefore = new Date(NOW_MS).toISOString()

/** A feed that fills a deny-list, with the issuer in the hand of the test. */
async function feedInto(test: TestContext) {
  const issuer = await TrustIssuer.listen()
  const clock = new HandClock(NOW_MS)
  const list = denyList({ clock })
  const trust = trustFeed({
    url: issuer.url,
    clientId: 'verifier 1',
    clientSecret: 'secret',
    onLeaseLost: 'fail-closed',
    clock,
    random: () => 0.5,
  })
  const problems = new Mailbox<string>()
  const announce = <K extends keyof TrustEvents>(event: K, ...facts: TrustEvents[K]): void => {
    if (event === 'problem') problems.put((facts[0] as TrustEvents['problem'][0]).message)
  }
  test.after(async () => {
    await trust.close()
    await issuer.close()
  })
  const started = trust.start({ algorithms: ['ES256'], announce, denied: list.issuer })
  // Where trust is never held it is rejected when the feed is closed, at the end of a test that did not wait for it.
  started.catch(() => {})
  const feed = await issuer.feeds.next()
  const denied = () => [...list.entries()].map(({ entry }) => Object.values(entry)[0] as string)
  return { issuer, clock, list, trust, problems, started, feed, denied }
}

const full = (n: number, add?: unknown[]) => ({
  epoch: 1,
  n,
  full: true,
  jwks: setOf(one),
  ...(add === undefined ? {} : { denied: { add } }),
})
const page = (n: number, add: unknown[]) => ({ ...full(n, add), more: true })
const jtis = (...names: string[]) => names.map((jti) => ({ jti }))
const revisionOf = (trust: { snapshot(): { revision: { n: number } | null } }) => trust.snapshot().revision?.n

describe('what an issuer denies', { timeout: 20_000 }, () => {
  it('is in force before it is acknowledged', async (t) => {
    const { issuer, list, feed, started } = await feedInto(t)
    const entries = [{ kid: 'k' }, { sid: 's' }, { sub: 'u', issuedBefore }, { client_id: 'c', issuedBefore }]
    feed.send(full(1, [...entries, ...jtis('j')]))
    assert.equal((await issuer.leases.next()).body.n, 1)
    assert.equal(list.isKidDenied('k'), true)
    for (const claims of [{ jti: 'j' }, { sid: 's' }, { sub: 'u', iat: 0 }, { azp: 'c', iat: 0 }]) {
      assert.equal(list.matches({ exp: 1, ...claims }), true)
    }
    assert.ok([...list.entries()].every(({ origin }) => origin === 'issuer'))
    await started
  })

  it('changes by what is added and dropped, and is replaced by a full set', async (t) => {
    const { feed, trust, denied } = await feedInto(t)
    feed.send(full(1, jtis('a', 'b')))
    feed.send({ epoch: 1, n: 2, full: false, denied: { add: jtis('c'), drop: jtis('a', 'never') } })
    await until(() => revisionOf(trust) === 2)
    assert.deepEqual(denied().toSorted(), ['b', 'c'])
    feed.send({ epoch: 1, n: 3, full: false, jwks: setOf(one, two) })
    await until(() => revisionOf(trust) === 3)
    assert.equal(denied().length, 2)
    feed.send(full(4, jtis('d')))
    await until(() => revisionOf(trust) === 4)
    assert.deepEqual(denied(), ['d'])
    feed.send(full(5))
    await until(() => revisionOf(trust) === 5)
    assert.deepEqual(denied(), [])
  })

  it('stays as it is when a set is refused for being older', async (t) => {
    const { feed, trust, denied, problems } = await feedInto(t)
    feed.send(full(5, jtis('a')))
    await until(() => revisionOf(trust) === 5)
    feed.send(full(4, []))
    assert.match(await problems.next(), /older than the one already held/)
    assert.deepEqual(denied(), ['a'])
  })

  const bad: [string, unknown, RegExp][] = [
    ['is no object', 'all', /denied is not an object$/],
    ['is null', null, /denied is not an object$/],
    ['adds no array', { add: {} }, /denied\.add is not an array$/],
    ['drops an entry that is none', { add: [], drop: [{ jti: '' }] }, /denied\.drop\[0\]: jti is not/],
    ['lacks a time', { add: [...jtis('ok'), { sub: 'secret' }] }, /denied\.add\[1\]: issuedBefore is missing$/],
    ['is of a kind that is not known here', { add: [{ device: 'secret' }] }, /denied\.add\[0\]: not exactly one of/],
    ['says more than is known here', { add: [{ jti: 'a', aud: 'secret' }] }, /denied\.add\[0\]: a member that/],
  ]
  for (const [what, denied, message] of bad) {
    it(`and ${what} is refused with the whole event, which is never acknowledged`, async (t) => {
      const { issuer, clock, list, trust, feed, problems } = await feedInto(t)
      feed.send({ ...full(1), denied })
      const problem = await problems.next()
      assert.match(problem, message)
      assert.doesNotMatch(problem, /secret/)
      assert.deepEqual([trust.snapshot().kids, list.size, issuer.leases.size], [[], 0, 0])
      clock.advance(1000)
      ;(await issuer.feeds.next()).send(full(1, jtis('good')))
      assert.equal((await issuer.leases.next()).body.n, 1)
      assert.equal(list.size, 1)
    })
  }
})

describe('a full set in pages', { timeout: 20_000 }, () => {
  const withoutId = (feed: OpenFeed, message: object) =>
    feed.write(`event: trust\ndata: ${JSON.stringify(message)}\n\n`)

  it('counts with its last page, and not a moment sooner', async (t) => {
    const { issuer, trust, feed, denied, started, list } = await feedInto(t)
    withoutId(feed, page(1, jtis('a', 'b')))
    withoutId(feed, { epoch: 1, n: 1, full: true, more: true, denied: { add: jtis('c') } })
    feed.write(': alive\n\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual([revisionOf(trust), list.size, issuer.leases.size], [undefined, 0, 0])
    feed.send(full(1, jtis('d')))
    await started
    assert.equal((await issuer.leases.next()).body.n, 1)
    assert.deepEqual(denied().toSorted(), ['a', 'b', 'c', 'd'])
    assert.equal(issuer.leases.size, 0)
  })

  it('leaves what was denied before in force until then, and may be followed by another one', async (t) => {
    const { feed, trust, denied } = await feedInto(t)
    feed.send(full(1, jtis('old')))
    await until(() => revisionOf(trust) === 1)
    withoutId(feed, page(2, jtis('a')))
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.deepEqual(denied(), ['old'])
    feed.send(full(2, jtis('b')))
    withoutId(feed, page(3, jtis('c')))
    feed.send(full(3, jtis('d')))
    feed.send({ epoch: 1, n: 4, full: false, denied: { add: jtis('e'), drop: [] } })
    await until(() => revisionOf(trust) === 4)
    assert.deepEqual(denied().toSorted(), ['c', 'd', 'e'])
  })

  it('revokes what any of its pages says is revoked', async (t) => {
    const { feed, trust, started } = await feedInto(t)
    withoutId(feed, { ...page(1, []), revokedKids: ['x'] })
    feed.send({ ...full(1, []), revokedKids: ['y'] })
    await started
    assert.deepEqual(trust.snapshot().revokedKids, ['x', 'y'])
  })

  it('that breaks off is forgotten, and asked for again from its beginning', async (t) => {
    const { issuer, clock, feed, problems, denied, trust } = await feedInto(t)
    withoutId(feed, page(1, jtis('lost')))
    feed.end()
    await problems.next()
    clock.advance(1000)
    const again = await issuer.feeds.next()
    assert.equal(again.lastEventId, undefined)
    again.send(full(1, jtis('a')))
    await until(() => revisionOf(trust) === 1)
    assert.deepEqual(denied(), ['a'])
  })

  const strangers: [string, object][] = [
    ['a change', { epoch: 1, n: 1, full: false }],
    ['a page of another set', page(2, [])],
    ['the end of another set', full(2, [])],
  ]
  for (const [what, stranger] of strangers) {
    it(`is given up when ${what} comes amid its pages`, async (t) => {
      const { feed, trust, problems, list } = await feedInto(t)
      withoutId(feed, page(1, jtis('a')))
      withoutId(feed, stranger)
      assert.match(await problems.next(), /another event amid the pages of a set$/)
      assert.deepEqual([revisionOf(trust), list.size], [undefined, 0])
    })
  }

  const wrong: [string, object, RegExp][] = [
    ['a change is no set', { epoch: 1, n: 1, full: false, more: true }, /only a full set comes in pages$/],
    ['more is true or false', { ...full(1), more: 'yes' }, /full or more is not a boolean$/],
    ['its last page has the keys', { epoch: 1, n: 1, full: true }, /a full set without jwks$/],
  ]
  for (const [rule, message, problem] of wrong) {
    it(`is refused unless it keeps the rule that ${rule}`, async (t) => {
      const { feed, problems } = await feedInto(t)
      withoutId(feed, message)
      assert.match(await problems.next(), problem)
    })
  }

  it('may be large', async (t) => {
    const { feed, list, started } = await feedInto(t)
    for (let n = 0; n < 50; n++) {
      withoutId(
        feed,
        page(
          1,
          Array.from({ length: 1_000 }, (_, index) => ({ jti: `token ${n} ${index}` })),
        ),
      )
    }
    feed.send(full(1, []))
    await started
    assert.equal(list.size, 50_000)
  })
})
