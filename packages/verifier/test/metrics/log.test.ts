import assert from 'node:assert/strict'
import { Console } from 'node:console'
import { EventEmitter } from 'node:events'
import { Writable } from 'node:stream'
import { describe, it } from 'node:test'
import { VerifyError } from '../../src/error.ts'
import { logTrust, type TrustLogger } from '../../src/metrics/log.ts'
import { jwksPolling } from '../../src/trust/polling/source.ts'
import type { TrustEvents } from '../../src/trust/source.ts'
import { createVerifier } from '../../src/verifier.ts'
import { one, setOf, two } from '../support/estate.ts'
import { JwksServer } from '../support/jwks-server.ts'
import { until } from '../support/mailbox.ts'

const ISSUER = 'https://idp.example.com'

class Announcer extends EventEmitter<TrustEvents> {
  readonly issuer = ISSUER
}

function logged(act: (announcer: Announcer) => void) {
  const lines: [level: string, facts: object, message: string][] = []
  const level = (name: string) => (facts: object, message: string) => void lines.push([name, facts, message])
  const logger: TrustLogger = { info: level('info'), warn: level('warn'), error: level('error') }
  const announcer = new Announcer()
  logTrust(announcer, logger)
  act(announcer)
  return lines
}

function problem(error: VerifyError) {
  const [line] = logged((announcer) => announcer.emit('problem', error))
  return line?.[1] as { code: string; message: string; cause?: string }
}

const SNAPSHOT = {
  held: true,
  revision: { epoch: 1, n: 7 },
  kids: ['k1', 'k2'],
  revokedKids: [],
  leaseLeftMs: 30_000,
  ageMs: 0,
}

describe('the log of a verifier that polls', { timeout: 20_000 }, () => {
  it('tells what its endpoint does to its keys', async (t) => {
    const server = await JwksServer.listen()
    const trust = jwksPolling({ jwksUri: server.url })
    const verifier = createVerifier({ issuer: ISSUER, audience: null, algorithms: ['ES256'], trust })
    t.after(async () => {
      await verifier.close()
      await server.close()
    })
    const lines = new Map<string, object>()
    const put = (facts: { kid?: string }, message: string) => lines.set(`${message} ${facts.kid ?? ''}`.trim(), facts)
    logTrust(verifier, { info: put, warn: put, error: put })
    server.serve(setOf(one))
    await verifier.start()
    server.serve(setOf(two))
    await verifier.refresh()
    await until(() => lines.has('key removed one'))
    assert.deepEqual(lines.get('JWKS bootstrap: trust held'), { issuer: ISSUER, kids: ['one'], revision: null })
    assert.deepEqual(lines.get('key added two'), { issuer: ISSUER, kid: 'two' })
  })
})

describe('the log of what becomes of trust', () => {
  it('tells at the start which keys are trusted', () => {
    const lines = logged((announcer) => announcer.emit('bootstrapped', { issuer: ISSUER, ...SNAPSHOT }))
    const facts = { issuer: ISSUER, kids: ['k1', 'k2'], revision: { epoch: 1, n: 7 } }
    assert.deepEqual(lines, [['info', facts, 'JWKS bootstrap: trust held']])
  })

  it('tells of every key that comes, goes or is revoked', () => {
    const lines = logged((announcer) => {
      announcer.emit('keyAdded', 'k1')
      announcer.emit('keyRemoved', 'k2')
      announcer.emit('keyRevoked', 'k3')
    })
    assert.deepEqual(lines, [
      ['info', { issuer: ISSUER, kid: 'k1' }, 'key added'],
      ['info', { issuer: ISSUER, kid: 'k2' }, 'key removed'],
      ['warn', { issuer: ISSUER, kid: 'k3' }, 'key revoked'],
    ])
  })

  it('tells what operators asked for, and of no subject that was denied', () => {
    const refreshed = { issuer: ISSUER, revision: null, kids: ['k1'], added: ['k1'], removed: ['k0\n'], revoked: [] }
    const lines = logged((announcer) => {
      announcer.emit('refreshed', refreshed)
      announcer.emit('denied', [{ kid: 'k9' }, { sub: 'alice', issuedBefore: '2026-01-01T00:00:00.000Z' }])
      announcer.emit('allowed', [{ jti: 'j' }])
    })
    assert.deepEqual(lines, [
      ['info', { ...refreshed, removed: ['k0'] }, 'refreshed on request'],
      ['warn', { issuer: ISSUER, entries: 2, kids: ['k9'] }, 'denied on request'],
      ['warn', { issuer: ISSUER, entries: 1, kids: [] }, 'denials taken back on request'],
    ])
  })

  it('tells of a lease that is lost and regained', () => {
    const lines = logged((announcer) => {
      announcer.emit('leaseLost')
      announcer.emit('leaseRegained')
    })
    assert.deepEqual(
      lines.map(([level, facts]) => [level, facts]),
      [
        ['error', { issuer: ISSUER }],
        ['info', { issuer: ISSUER }],
      ],
    )
  })

  it('says nothing of every time the issuer was asked', () => {
    assert.deepEqual(
      logged((announcer) => announcer.emit('asked', 'ok')),
      [],
    )
  })

  it('tells of a problem with its cause, and with that of the cause', () => {
    const refused = Object.assign(new AggregateError([], ''), { code: 'ECONNREFUSED' })
    const cause = new TypeError('fetch failed', { cause: refused })
    const { code, message } = new VerifyError('jwks_failed')
    assert.deepEqual(problem(new VerifyError('jwks_failed', { cause })), {
      issuer: ISSUER,
      code,
      message,
      cause: 'fetch failed: ECONNREFUSED',
    })
  })

  it('ends with a cause that is its own', () => {
    const cause = new Error('again')
    cause.cause = cause
    assert.equal(problem(new VerifyError('feed_failed', { cause })).cause, 'again: again: again: again')
  })

  it('says nothing of a cause that is no error', () => {
    assert.equal(problem(new VerifyError('feed_failed', { cause: { token: 'secret' } })).cause, undefined)
  })

  it('never quotes what could not be parsed', () => {
    const cause = parseFailure('hunter2-is-the-secret')
    assert.match(cause.message, /hunter2/, 'this runtime quotes no longer: the rule has lost its reason')
    assert.equal(problem(new VerifyError('secrets_failed', { cause })).cause, 'SyntaxError')
  })

  it('leaves credentials and query out of addresses', () => {
    const cause = new Error('cannot reach https://user:hunter2@idp.example.com/jwks?key=hunter2 now')
    const said = problem(new VerifyError('jwks_failed', { cause })).cause
    assert.equal(said, 'cannot reach https://idp.example.com/jwks? now')
  })

  it('keeps hostile key ids on one line, short and in their direction', () => {
    const kid = `k\r\n{"level":"fatal"}\u001b[2J\u202e\u2028\ud800${'x'.repeat(500)}`
    const [added, start] = logged((announcer) => {
      announcer.emit('keyAdded', kid)
      announcer.emit('bootstrapped', { issuer: ISSUER, ...SNAPSHOT, kids: [kid] })
    })
    const plain = `k{"level":"fatal"}[2J${'x'.repeat(500)}`.slice(0, 200)
    assert.deepEqual(added?.[1], { issuer: ISSUER, kid: plain })
    assert.deepEqual(start?.[1], { issuer: ISSUER, kids: [plain], revision: SNAPSHOT.revision })
  })

  it('is that of every verifier in a list, each under its own name', () => {
    const lines: object[] = []
    const put = (facts: object) => void lines.push(facts)
    const named = (issuer: string) => Object.assign(new EventEmitter<TrustEvents>(), { issuer })
    const announcers = [named('a'), named('b'), named('c')] as const
    const [a, ...several] = announcers
    logTrust([a, { verifiers: several }], { info: put, warn: put, error: put })
    for (const announcer of announcers) announcer.emit('keyAdded', 'k')
    assert.deepEqual(lines, [
      { issuer: 'a', kid: 'k' },
      { issuer: 'b', kid: 'k' },
      { issuer: 'c', kid: 'k' },
    ])
  })

  it('can be written to a console', () => {
    let written = ''
    const stdout = new Writable({
      write(chunk, _, done) {
        written += chunk
        done()
      },
    })
    const announcer = new Announcer()
    logTrust(announcer, new Console(stdout))
    announcer.emit('keyAdded', 'k1')
    assert.match(written, /k1.*key added/)
  })
})

function parseFailure(text: string): SyntaxError {
  try {
    return JSON.parse(text)
  } catch (error) {
    assert.ok(error instanceof SyntaxError)
    return error
  }
}
