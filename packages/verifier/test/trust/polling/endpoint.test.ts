import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { describe, it } from 'node:test'
import { one, setOf, tokenOf, two } from '../../support/estate.ts'
import { JwksServer } from '../../support/jwks-server.ts'
import { compact, goodClaims, makeKey, refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { poll, polled, startedWith, told } from '../../support/polled.ts'

const html = '<!doctype html><title>Bad gateway</title>'

describe('polling an endpoint that answers badly', { timeout: 20_000 }, () => {
  const answers: Record<string, (response: ServerResponse) => void> = {
    'with an error': (response) => response.writeHead(500).end(),
    'with an error that has a key set for a body': (response) =>
      response.writeHead(404).end(JSON.stringify(setOf(two))),
    'with nothing': (response) => response.writeHead(204).end(),
    'with an empty body': (response) => response.writeHead(200).end(),
    'with a part of it': (response) => response.writeHead(206).end(JSON.stringify(setOf(two))),
    'with HTML': (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html),
    'with HTML that says it is JSON': (response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end(html),
    'with JSON that is no key set': (response) => response.writeHead(200).end('{"keys":{"kid":"two"}}'),
    'with a bare list of keys': (response) => response.writeHead(200).end(JSON.stringify(setOf(two).keys)),
    'with null': (response) => response.writeHead(200).end('null'),
    'with a key set that is no UTF-8': (response) =>
      response.writeHead(200).end(Buffer.from(JSON.stringify({ ...setOf(two), x: '\u00ff' }), 'latin1')),
    'with half of what it announced': (response) => {
      response.writeHead(200, { 'content-length': 1_000 }).write('{"keys":[]}')
      setImmediate(() => response.destroy())
    },
    'by hanging up': (response) => void response.destroy(),
    'with more than is read': (response) =>
      response.writeHead(200).end(JSON.stringify({ ...setOf(two), pad: 'x'.repeat(2_000_000) })),
  }

  for (const [how, answer] of Object.entries(answers)) {
    it(`keeps what it has when that answers ${how}`, async (t) => {
      const { server, verifier, announced } = await startedWith(t, setOf(one))
      server.answer = answer
      await assert.rejects(verifier.refresh(), refused('jwks_failed'))
      await told()
      assert.deepEqual(announced.slice(2), ['asked jwks_failed', 'problem jwks_failed'])
      assert.ok(verifier.verify(tokenOf(one)))
      server.serve(setOf(two))
      const { added, removed } = await verifier.refresh()
      assert.deepEqual({ added, removed }, { added: ['two'], removed: ['one'] })
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    it(`follows no redirect, ${status} neither`, async (t) => {
      const elsewhere = await JwksServer.listen()
      t.after(() => elsewhere.close())
      elsewhere.serve(setOf(two))
      const { server, verifier } = await startedWith(t, setOf(one))
      server.answer = (response) => response.writeHead(status, { location: elsewhere.url }).end()
      await assert.rejects(verifier.refresh(), refused('jwks_failed'))
      assert.equal(elsewhere.requests, 0)
    })
  }

  it('refuses what a fetch of the caller brings home from a redirect', async (t) => {
    const elsewhere = await JwksServer.listen()
    t.after(() => elsewhere.close())
    elsewhere.serve(setOf(two))
    const followsAll: typeof fetch = (input, init) => fetch(input, { ...init, redirect: 'follow' })
    const { server, verifier } = await startedWith(t, setOf(one), { fetch: followsAll })
    server.answer = (response) => response.writeHead(302, { location: elsewhere.url }).end()
    await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    assert.equal(elsewhere.requests, 1)
    assert.ok(verifier.verify(tokenOf(one)))
  })

  it('stops reading 10 MB once it has read more than is allowed', async (t) => {
    const { server, verifier } = await startedWith(t, setOf(one), { maxBytes: 65_536 })
    let written = 0
    server.answer = (response) => {
      response.writeHead(200)
      const more = () => {
        while (written < 10_000_000) {
          written += 50_000
          if (!response.write('x'.repeat(50_000))) return void response.once('drain', more)
        }
        response.end()
      }
      more()
    }
    await assert.rejects(verifier.refresh(), refused('jwks_failed'))
    assert.ok(written < 10_000_000)
  })

  it('waits for one that answers slowly, but no longer than the time limit', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), { timeoutMs: 3_000 })
    const held = server.holdAnswers()
    const late = verifier.refresh()
    const answer = await held.next()
    clock.advance(2_999)
    answer.end(JSON.stringify(setOf(two)))
    assert.deepEqual((await late).kids, ['two'])
    const never = assert.rejects(verifier.refresh(), refused('jwks_failed'))
    const cut = once(await held.next(), 'close')
    clock.advance(3_000)
    await Promise.all([never, cut])
  })

  it('gives a body that drips no more time than one that comes at once', async (t) => {
    const { server, clock, verifier } = await startedWith(t, setOf(one), { timeoutMs: 3_000 })
    const held = server.holdAnswers()
    const refreshed = assert.rejects(verifier.refresh(), refused('jwks_failed'))
    const answer = await held.next()
    const cut = once(answer, 'close')
    answer.writeHead(200).write('{"keys":[')
    for (let second = 0; second < 3; second++) {
      answer.write(' ')
      clock.advance(1_000)
    }
    await Promise.all([refreshed, cut])
  })

  it('does not wait for a fetch of the caller that takes no notice of the time limit', async (t) => {
    const { clock, verifier } = await polled(t, { fetch: () => new Promise(() => {}) })
    const refreshed = assert.rejects(verifier.refresh(), refused('jwks_failed'))
    clock.advance(5_000)
    await refreshed
  })

  it('hangs up on a body that goes on, also where the fetch of the caller does not', async (t) => {
    const deaf: typeof fetch = (input, init) => fetch(input, { ...init, signal: null })
    const { server, clock, verifier } = await startedWith(t, setOf(one), { fetch: deaf })
    const held = server.holdAnswers()
    const refreshed = assert.rejects(verifier.refresh(), refused('jwks_failed'))
    const answer = await held.next()
    answer.writeHead(200).write('{"keys":[')
    // The body has been begun: what comes after the time limit is another piece of it.
    await told()
    clock.advance(5_000)
    await refreshed
    const cut = once(answer, 'close')
    answer.write(' ')
    await cut
  })

  it('takes a set without keys for an answer that withdraws all of them, tells, and soon asks again', async (t) => {
    const all = await startedWith(t, setOf(one))
    const { server, verifier, announced } = all
    server.serve({ keys: [] })
    assert.equal(await poll(all), 'jwks_empty')
    assert.deepEqual(announced.slice(2), ['keyRemoved one', 'leaseLost', 'asked jwks_empty', 'problem jwks_empty'])
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    const { held, kids, leaseLeftMs } = verifier.trust
    assert.deepEqual({ held, kids, leaseLeftMs }, { held: false, kids: [], leaseLeftMs: 0 })
    server.answer = (response) => response.writeHead(500).end()
    assert.equal(await poll(all, 500), 'jwks_failed')
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    server.serve(setOf(one))
    assert.equal(await poll(all, 1_000), 'ok')
    assert.ok(verifier.verify(tokenOf(one)))
    assert.ok(announced.includes('leaseRegained'))
    assert.equal(server.requests, 4)
  })

  for (const [what, keys] of Object.entries({
    'no key': [],
    'keys for encryption alone': [{ ...makeKey('RS256').jwk, use: 'enc', alg: 'RSA-OAEP' }],
    'keys for other algorithms': [makeKey('RS256').jwk],
    garbage: [null, 7, 'key', [], {}, { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'x' }],
  })) {
    it(`does not start with a set of ${what}`, async (t) => {
      const all = await polled(t)
      const { server, clock, verifier, announced } = all
      server.serve({ keys })
      let started = false
      const starting = verifier.start().then(() => {
        started = true
      })
      await until(() => announced.includes('problem jwks_empty'))
      assert.equal(started, false)
      assert.equal(verifier.trust.held, false)
      server.serve({ keys: [...keys, one.jwk] })
      clock.advance(500)
      await starting
      assert.ok(verifier.verify(tokenOf(one)))
    })
  }

  it('uses the new key of a kid that was reused, refuses the old one, and tells', async (t) => {
    const all = await startedWith(t, setOf(one, two))
    const other = makeKey('ES256', 'one')
    all.server.serve(setOf(other, two))
    await poll(all)
    assert.ok(all.verifier.verify(tokenOf(other)))
    assert.throws(() => all.verifier.verify(tokenOf(one)), refused('signature_invalid'))
    assert.deepEqual(all.announced.slice(3), ['problem kid_reused', 'asked ok'])
    await poll(all)
    assert.deepEqual(all.announced.slice(5), ['asked ok'])
  })

  it('notices a kid that comes back for another key after it was withdrawn', async (t) => {
    const all = await startedWith(t, setOf(one, two))
    all.server.serve(setOf(two))
    await poll(all)
    all.server.serve(setOf(makeKey('ES256', 'one'), two))
    await poll(all)
    assert.ok(all.announced.includes('problem kid_reused'))
  })

  it('uses neither of two different keys under one kid, and every other key of the set', async (t) => {
    const { verifier } = await startedWith(t, setOf(one, makeKey('ES256', 'one'), two))
    assert.throws(() => verifier.verify(tokenOf(one)), refused('key_ambiguous'))
    assert.ok(verifier.verify(tokenOf(two)))
  })

  it('follows a set that loses a key and gets it back', async (t) => {
    const all = await startedWith(t, setOf(one, two))
    all.server.serve(setOf(two))
    await poll(all)
    assert.throws(() => all.verifier.verify(tokenOf(one)), refused('key_retired'))
    all.server.serve(setOf(one, two))
    assert.ok(await all.verifier.authenticate(tokenOf(one)))
    await told()
    assert.deepEqual(all.announced.slice(3), ['keyRemoved one', 'asked ok', 'keyAdded one', 'asked ok'])
  })

  it('is not spoiled by a key that is nested as deep as it gets', async (t) => {
    const { server, verifier } = await polled(t)
    const depth = 400_000
    const deep = `${JSON.stringify(two.jwk).slice(0, -1)},"x5c":${'['.repeat(depth)}${']'.repeat(depth)}}`
    server.answer = (response) => response.writeHead(200).end(`{"keys":[${deep},${JSON.stringify(one.jwk)}]}`)
    await verifier.start()
    assert.ok(verifier.verify(tokenOf(one)))
    assert.deepEqual(verifier.trust.kids, ['one'])
  })

  it('takes kids that look like members of an object for nothing but kids', async (t) => {
    const odd = ['__proto__', 'constructor', '../../etc/passwd', ''].map((kid) => makeKey('ES256', kid))
    const { verifier } = await startedWith(t, setOf(...odd))
    for (const key of odd) assert.ok(verifier.verify(tokenOf(key)))
    const stranger = compact(one, goodClaims(), { typ: 'at+jwt', kid: 'toString' })
    assert.throws(() => verifier.verify(stranger), refused('key_unknown'))
  })
})
