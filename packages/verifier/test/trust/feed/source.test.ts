import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import packageJson from '../../../package.json' with { type: 'json' }
import { trustFeed } from '../../../src/index.ts'
import { LIBRARY } from '../../../src/version.ts'
import { heard, makeEstate, one, setOf, startWith, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'

const TIMEOUT = { timeout: 20_000 }

describe('trust by feed', TIMEOUT, () => {
  it('is unavailable until the first set and the first lease are held', async (t) => {
    const { issuer, verifier } = await makeEstate(t)
    issuer.answersLeases = false
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    const started = verifier.start()
    const feed = await issuer.feeds.next()
    feed.send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
    const asked = await issuer.leases.next()
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    assert.equal(verifier.trust.held, false)
    asked.reply(200, { epoch: 1, n: 1, leaseSeconds: 15 })
    await started
    assert.equal(verifier.verify(tokenOf(one)).payload.sub, 'agent-1')
    const { held, revision, kids, leaseLeftMs } = verifier.trust
    assert.deepEqual(
      { held, revision, kids, leaseLeftMs },
      { held: true, revision: { epoch: 1, n: 1 }, kids: ['one'], leaseLeftMs: 15_000 },
    )
  })

  it('tells the issuer who holds what, with its own credential', async (t) => {
    const { issuer, verifier } = await makeEstate(t)
    const started = verifier.start()
    const feed = await issuer.feeds.next()
    feed.send({ epoch: 3, n: 9, full: true, jwks: setOf(one) })
    const { body, authorization } = await issuer.leases.next()
    await started
    const library = `${packageJson.name}/${packageJson.version}`
    assert.equal(LIBRARY, library)
    const expected = { instance: 'api-1', epoch: 3, n: 9, library, algorithms: ['ES256'], mode: 'fail-closed' }
    assert.deepEqual(body, expected)
    // RFC 6749 §2.3.1: both halves form-encoded.
    assert.equal(authorization, `Basic ${Buffer.from('verifier+1:s%3Aecret').toString('base64')}`)
    assert.equal(feed.authorization, authorization)
    assert.equal(feed.lastEventId, undefined)
  })

  it('applies a change at once, acknowledges it at once, and says which keys came and went', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    const [added, removed] = [heard(estate.verifier, 'keyAdded'), heard(estate.verifier, 'keyRemoved')]
    feed.send({ epoch: 1, n: 2, full: false, jwks: setOf(two) })
    assert.deepEqual([await added, await removed], [['two'], ['one']])
    assert.equal((await estate.issuer.leases.next()).body.n, 2)
    assert.ok(estate.verifier.verify(tokenOf(two)))
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('key_retired'))
  })

  it('a change without jwks leaves the keys, and revoked kids are added up', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one, two])
    const revoked = heard(estate.verifier, 'keyRevoked')
    feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'], denied: { add: [{ jti: 'x' }], drop: [] } })
    assert.deepEqual(await revoked, ['one'])
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('key_revoked'))
    assert.ok(estate.verifier.verify(tokenOf(two)))
    feed.send({ epoch: 1, n: 3, full: false, revokedKids: ['zero'] })
    await until(() => estate.verifier.trust.revision?.n === 3)
    assert.deepEqual(estate.verifier.trust.revokedKids, ['one', 'zero'])
  })

  it('a revoked key stays refused when a later set lists it, in a later epoch too', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one, two])
    feed.send({ epoch: 1, n: 2, full: false, revokedKids: ['one'] })
    feed.send({ epoch: 1, n: 3, full: true, jwks: setOf(one, two), revokedKids: [] })
    feed.send({ epoch: 2, n: 0, full: true, jwks: setOf(one, two) })
    await until(() => estate.verifier.trust.revision?.epoch === 2)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('key_revoked'))
    assert.deepEqual(estate.verifier.trust.kids, ['two'])
  })

  it('refuses a revision that goes backwards and asks another time for the whole set', async (t) => {
    const estate = await makeEstate(t)
    let feed = await startWith(estate, [one], 2, 5)
    for (const [epoch, n] of [
      [2, 4],
      [1, 900],
    ] as const) {
      const problem = heard(estate.verifier, 'problem')
      feed.send({ epoch, n, full: true, jwks: setOf(two) })
      assert.equal((await problem)[0].code, 'revision_backwards')
      estate.clock.advance(1000)
      feed = await estate.issuer.feeds.next()
      assert.equal(feed.lastEventId, undefined)
    }
    assert.deepEqual(estate.verifier.trust.kids, ['one'])
    feed.send({ epoch: 3, n: 0, full: true, jwks: setOf(two) })
    await until(() => estate.verifier.trust.revision?.epoch === 3)
    assert.deepEqual(estate.verifier.trust.kids, ['two'])
  })

  it('refuses a change to a set it does not hold', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    const problem = heard(estate.verifier, 'problem')
    feed.send({ epoch: 2, n: 1, full: false, jwks: setOf(two) })
    assert.equal((await problem)[0].code, 'feed_failed')
    assert.deepEqual(estate.verifier.trust.revision, { epoch: 1, n: 1 })
  })

  it('resumes after the last event when the connection ends, and drops what was half-said', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one], 1, 7)
    const problem = heard(estate.verifier, 'problem')
    feed.write(`event: trust\nid: 1.8\ndata: ${JSON.stringify({ epoch: 1, n: 8, full: true, jwks: setOf(two) })}\n`)
    feed.end()
    await problem
    estate.clock.advance(1000)
    const again = await estate.issuer.feeds.next()
    assert.equal(again.lastEventId, '1.7')
    assert.deepEqual(estate.verifier.trust.kids, ['one'])
    again.send({ epoch: 1, n: 8, full: false, jwks: setOf(two) })
    await until(() => estate.verifier.trust.kids.includes('two'))
  })

  for (const [what, data] of Object.entries({
    'is no JSON': '{"epoch":1,',
    'is null': 'null',
    'has no revision': '{"full":true,"jwks":{"keys":[]}}',
    'has a revision other than its id': '{"epoch":1,"n":3,"full":true,"jwks":{"keys":[]}}',
    'has a fractional epoch': '{"epoch":1.5,"n":2,"full":true,"jwks":{"keys":[]}}',
    'is full without keys': '{"epoch":1,"n":2,"full":true}',
    'has keys that are no set': '{"epoch":1,"n":2,"full":false,"jwks":{"keys":{}},"revokedKids":["one"]}',
    'has revoked kids that are no strings': '{"epoch":1,"n":2,"full":false,"jwks":{"keys":[]},"revokedKids":[1]}',
  })) {
    it(`applies nothing of an event that ${what}, and reopens`, async (t) => {
      const estate = await makeEstate(t)
      const feed = await startWith(estate, [one])
      const problem = heard(estate.verifier, 'problem')
      feed.write(`event: trust\nid: 1.2\ndata: ${data}\n\n`)
      assert.equal((await problem)[0].code, 'feed_failed')
      await feed.closed
      assert.ok(estate.verifier.verify(tokenOf(one)))
      assert.deepEqual(estate.verifier.trust.revokedKids, [])
      estate.clock.advance(1000)
      assert.equal((await estate.issuer.feeds.next()).lastEventId, '1.1')
    })
  }

  it('ignores events of other names and reads CRLF, split anywhere', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    const data = JSON.stringify({ epoch: 1, n: 2, full: false, jwks: setOf(two) })
    feed.write('event: news\r\ndata: {"epoch":9,"n":9}\r\n\r\n: comment\r\n')
    for (const char of `event: trust\r\nid: 1.2\r\ndata: ${data}\r\n\r\n`) feed.write(char)
    await until(() => estate.verifier.trust.revision?.n === 2)
    assert.deepEqual(estate.problems, [])
  })

  it('takes five seconds of silence for a dead connection, and a comment for life', async (t) => {
    const estate = await makeEstate(t)
    const feed = await startWith(estate, [one])
    estate.clock.advance(4000)
    feed.write(': still here\n')
    // The next event tells that the comment before it has been read.
    feed.send({ epoch: 1, n: 2, full: false })
    await until(() => estate.verifier.trust.revision?.n === 2)
    estate.clock.advance(4999)
    assert.deepEqual(estate.problems, [])
    const problem = heard(estate.verifier, 'problem')
    estate.clock.advance(1)
    assert.match((await problem)[0].message, /silent/)
    await feed.closed
  })

  it('keeps trying while the issuer refuses, with growing pauses', async (t) => {
    const { issuer, verifier, clock } = await makeEstate(t)
    issuer.feedStatus = 401
    const started = verifier.start()
    for (const pauseMs of [250, 500, 1000, 2000, 4000, 5000, 5000]) {
      const [error] = await heard(verifier, 'problem')
      assert.match(error.message, /status 401/)
      // Drawn from the upper half of the pause; the test's random number is 0.5.
      clock.advance(pauseMs * 0.75)
    }
    await heard(verifier, 'problem')
    issuer.feedStatus = 200
    clock.advance(5000)
    ;(await issuer.feeds.next()).send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
    await started
  })

  it('refresh asks for the whole set and tells what changed', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    const refreshed = estate.verifier.refresh()
    const feed = await estate.issuer.feeds.next()
    assert.equal(feed.lastEventId, undefined)
    feed.send({ epoch: 1, n: 2, full: true, jwks: setOf(two), revokedKids: ['one'] })
    const { revision, kids, added, removed, revoked } = await refreshed
    assert.deepEqual(
      { revision, kids, added, removed, revoked },
      {
        revision: { epoch: 1, n: 2 },
        kids: ['two'],
        added: ['two'],
        removed: ['one'],
        revoked: ['one'],
      },
    )
    const unanswered = estate.verifier.refresh()
    await estate.issuer.feeds.next()
    estate.clock.advance(10_000)
    await assert.rejects(unanswered, refused('feed_failed'))
  })

  it('says goodbye when it is closed, and trusts nothing afterwards', async (t) => {
    const estate = await makeEstate(t)
    await startWith(estate, [one])
    await estate.verifier.close()
    assert.deepEqual((await estate.issuer.goodbyes.next()).body, { instance: 'api-1' })
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    await assert.rejects(estate.verifier.refresh(), refused('verifier_closed'))
  })

  it('can be closed without ever having been started, and says nothing to the issuer then', async (t) => {
    const { issuer, verifier } = await makeEstate(t)
    await verifier.close()
    assert.equal(issuer.goodbyes.size, 0)
    await assert.rejects(verifier.start(), refused('verifier_closed'))
    assert.equal(issuer.feeds.size, 0)
  })

  it('closing before the first trust ends the wait for it', async (t) => {
    const { issuer, verifier } = await makeEstate(t)
    const started = assert.rejects(verifier.start(), refused('verifier_closed'))
    await issuer.feeds.next()
    await verifier.close()
    await started
  })
})

describe('options of the feed', () => {
  const good = {
    issuer: 'https://idp.example.com',
    clientId: 'c',
    clientSecret: 's',
    onLeaseLost: 'fail-closed',
  } as const

  it('must be sound', () => {
    assert.ok(trustFeed(good))
    assert.ok(trustFeed({ ...good, url: ['https://a.example.com', 'https://b.example.com'], stateFile: 'trust.json' }))
    const wrong: Record<string, unknown>[] = [
      { issuer: undefined },
      { issuer: 'ftp://idp.example.com' },
      { issuer: 'https://user:secret@idp.example.com' },
      { url: [] },
      { url: ['https://a.example.com', 'ftp://b.example.com'] },
      { url: ['https://a.example.com', 'http://b.example.com'] },
      { url: ['https://a.example.com', 'https://b.example.com'], issuer: undefined, stateFile: 'trust.json' },
      { clientId: '' },
      { clientSecret: undefined },
      { onLeaseLost: undefined },
      { onLeaseLost: 'last-known-good' },
      { onLeaseLost: { lastKnownGood: { ceilingMs: 0 } } },
      { stateFile: '' },
      { instance: '' },
    ]
    for (const options of wrong) assert.throws(() => trustFeed({ ...good, ...options } as never), TypeError)
  })

  it('refuse plain http beyond loopback unless the danger is named', () => {
    for (const issuer of ['http://idp.example.com', 'http://10.0.0.1', 'http://127.0.0.1.example.com']) {
      assert.throws(() => trustFeed({ ...good, issuer }), TypeError)
      assert.ok(trustFeed({ ...good, issuer, dangerouslyAllowPlaintext: true }))
    }
    for (const issuer of ['http://localhost:8002', 'http://127.0.0.1:1', 'http://[::1]:1']) {
      assert.ok(trustFeed({ ...good, issuer }))
    }
  })
})
