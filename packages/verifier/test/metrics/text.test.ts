import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { VerifierMetrics } from '../../src/metrics/counters.ts'
import { metricsText } from '../../src/metrics/text.ts'
import { jwksPolling } from '../../src/trust/polling/source.ts'
import { createVerifier } from '../../src/verifier.ts'
import { one, setOf, two } from '../support/estate.ts'
import { JwksServer } from '../support/jwks-server.ts'
import { NOW_MS } from '../support/keys.ts'
import { parseExposition } from './exposition.ts'

const TRUST = {
  held: true,
  revision: { epoch: 1, n: 2 },
  kids: ['k1', 'k2'],
  revokedKids: ['k0'],
  leaseLeftMs: 12_500,
  ageMs: 250,
}

function metricsOf(change: Partial<VerifierMetrics> = {}): VerifierMetrics {
  return {
    issuer: 'https://idp.example.com',
    trust: TRUST,
    verdicts: new Map([
      ['ok', 12],
      ['token_expired', 3],
    ]),
    asked: new Map([['ok', 4]]),
    keyChanges: { added: 3, removed: 1, revoked: 1 },
    lastUsedMs: new Map([['k1', NOW_MS + 125]]),
    denied: 7,
    cache: { hits: 10, misses: 2, entries: 2 },
    ...change,
  }
}

/** The value of the one sample with this name and, besides the issuer, these labels. */
function sampleOf(text: string, name: string, labels: Record<string, string>): number | undefined {
  const { samples } = parseExposition(text)
  const wanted = JSON.stringify(Object.entries(labels).sort())
  const found = samples.filter(
    (sample) =>
      sample.name === `rekey_verifier_${name}` && JSON.stringify(Object.entries(sample.labels).sort()) === wanted,
  )
  assert.ok(found.length < 2, 'a label set occurs twice')
  return found[0]?.value
}

const issuer = 'https://idp.example.com'
const promtool = installed()
const skip = promtool ? false : 'NOT TESTED: promtool is not installed (Debian: apt-get install prometheus)'

describe('the metrics of a verifier as text', () => {
  const text = metricsText([metricsOf()])

  const values: readonly [string, Record<string, string>, number][] = [
    ['verdicts_total', { issuer, outcome: 'ok' }, 12],
    ['verdicts_total', { issuer, outcome: 'token_expired' }, 3],
    ['asked_total', { issuer, outcome: 'ok' }, 4],
    ['key_changes_total', { issuer, change: 'added' }, 3],
    ['key_changes_total', { issuer, change: 'removed' }, 1],
    ['key_changes_total', { issuer, change: 'revoked' }, 1],
    ['trust_held', { issuer }, 1],
    ['trust_age_seconds', { issuer }, 0.25],
    ['lease_left_seconds', { issuer }, 12.5],
    ['trust_epoch', { issuer }, 1],
    ['trust_revision', { issuer }, 2],
    ['trusted_keys', { issuer }, 2],
    ['revoked_keys', { issuer }, 1],
    ['key_last_used_timestamp_seconds', { issuer, kid: 'k1' }, NOW_MS / 1000 + 0.125],
    ['denied_entries', { issuer }, 7],
    ['cache_hits_total', { issuer }, 10],
    ['cache_misses_total', { issuer }, 2],
    ['cache_entries', { issuer }, 2],
  ]
  for (const [name, labels, value] of values) {
    it(`say ${name} ${JSON.stringify(labels)}`, () => assert.equal(sampleOf(text, name, labels), value))
  }

  it('say nothing else', () => assert.equal(parseExposition(text).samples.length, values.length))

  it('announce a family once for several verifiers', () => {
    const other = metricsOf({ issuer: 'https://other.example.com' })
    const { types, samples } = parseExposition(metricsText([metricsOf(), other]))
    assert.equal(new Set(types.map(([name]) => name)).size, types.length)
    assert.equal(samples.length, values.length * 2)
  })

  it('say nothing of a cache that there is not, nor of an age before the first answer', () => {
    const quiet = metricsText([metricsOf({ cache: null, trust: { ...TRUST, held: false, ageMs: null } })])
    assert.doesNotMatch(quiet, /cache|age_seconds/)
    assert.equal(sampleOf(quiet, 'trust_held', { issuer }), 0)
  })

  it('name an issuer that is null by an empty label', () => {
    assert.equal(sampleOf(metricsText([metricsOf({ issuer: null })]), 'denied_entries', { issuer: '' }), 7)
  })

  it('add up what two verifiers of one issuer counted, and tell the worse of their trust', () => {
    const worse = { ...TRUST, held: false, leaseLeftMs: 0, ageMs: 90_000 }
    const both = metricsText([metricsOf(), metricsOf({ trust: worse })])
    assert.equal(sampleOf(both, 'verdicts_total', { issuer, outcome: 'ok' }), 24)
    assert.equal(sampleOf(both, 'trust_held', { issuer }), 0)
    assert.equal(sampleOf(both, 'lease_left_seconds', { issuer }), 0)
    assert.equal(sampleOf(both, 'trust_age_seconds', { issuer }), 90)
  })

  it('are those of a real verifier', async (t) => {
    const server = await JwksServer.listen()
    const trust = jwksPolling({ jwksUri: server.url })
    const verifier = createVerifier({ issuer, audience: null, algorithms: ['ES256'], trust })
    t.after(async () => {
      await verifier.close()
      await server.close()
    })
    server.serve(setOf(one, two))
    await verifier.start()
    assert.throws(() => verifier.verify('no token'))
    const written = metricsText([verifier.metrics()])
    assert.equal(sampleOf(written, 'verdicts_total', { issuer, outcome: 'token_malformed' }), 1)
    assert.equal(sampleOf(written, 'trusted_keys', { issuer }), 2)
    assert.equal(sampleOf(written, 'trust_held', { issuer }), 1)
  })

  it('are empty for no verifier', () => assert.equal(metricsText([]), ''))

  it('are told of one, of a list, or of lists in a list', () => {
    const other = metricsOf({ issuer: 'https://other.example' })
    assert.equal(metricsText(metricsOf()), metricsText([metricsOf()]))
    assert.equal(metricsText([metricsOf(), [other]]), metricsText([metricsOf(), other]))
    assert.notEqual(metricsText([metricsOf(), [other]]), metricsText([metricsOf()]))
  })

  it('write a lease without end as Prometheus writes it', () => {
    const endless = metricsText([metricsOf({ trust: { ...TRUST, leaseLeftMs: Number.POSITIVE_INFINITY } })])
    assert.equal(sampleOf(endless, 'lease_left_seconds', { issuer }), Number.POSITIVE_INFINITY)
  })

  it('carry any key id that has no control characters as it is', () => {
    const kid = fc.string({
      unit: fc.constantFrom('\\', '"', '\n', '{', '}', ',', '=', ' ', '#', 'é', '😀', 'n'),
      maxLength: 40,
    })
    fc.assert(
      fc.property(kid, fc.double({ min: 0, max: 4e12, noNaN: true }), (name, ms) => {
        const written = metricsText([metricsOf({ lastUsedMs: new Map([[name, ms]]) })])
        assert.equal(sampleOf(written, 'key_last_used_timestamp_seconds', { issuer, kid: name }), ms / 1000)
      }),
    )
  })

  it('carry no control character but line ends, and no half of a pair', () => {
    const lastUsedMs = new Map(['a\0b\r\u001b[2J\u0085', '\ud800', '\udfff'].map((kid) => [kid, 5000]))
    const written = metricsText([metricsOf({ lastUsedMs })])
    assert.doesNotMatch(written, /(?!\n)[\p{Cc}\p{Cs}]/u)
    assert.equal(sampleOf(written, 'key_last_used_timestamp_seconds', { issuer, kid: '\ufffd' }), 5)
  })

  it('cut a long key id', () => {
    const written = metricsText([metricsOf({ lastUsedMs: new Map([['k'.repeat(500), 5000]]) })])
    assert.equal(sampleOf(written, 'key_last_used_timestamp_seconds', { issuer, kid: 'k'.repeat(200) }), 5)
  })

  it('keep one line for each sample and one sample for each label set, whatever a key id holds', () => {
    const kids = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 5 })
    fc.assert(
      fc.property(kids, (names) => {
        const written = metricsText([metricsOf({ lastUsedMs: new Map(names.map((name) => [name, 1000])) })])
        const { samples } = parseExposition(Buffer.from(written).toString())
        const sets = samples.map(({ name, labels }) => JSON.stringify([name, labels]))
        assert.equal(new Set(sets).size, sets.length)
      }),
    )
  })
})

describe('promtool', () => {
  const check = (text: string) => spawnSync(promtool ?? '', ['check', 'metrics'], { input: text, encoding: 'utf8' })

  it('finds nothing to say about the metrics', { skip }, () => {
    const hostile = new Map([
      ['k"1\\\n{}\r\0\u2028\ud800', NOW_MS],
      ['é😀', 1],
    ])
    const several = [metricsOf({ lastUsedMs: hostile }), metricsOf({ issuer: null }), metricsOf()]
    const { status, stdout, stderr } = check(metricsText(several))
    assert.deepEqual({ status, stdout, stderr }, { status: 0, stdout: '', stderr: '' })
  })

  it('would say when a name broke its rules', { skip }, () => {
    const { status } = check(metricsText([metricsOf()]).replaceAll('verdicts_total', 'verdicts'))
    assert.notEqual(status, 0)
  })
})

function installed(): string | undefined {
  try {
    return execFileSync('/bin/sh', ['-c', 'command -v promtool'], { stdio: 'pipe' }).toString().trim()
  } catch {
    // The shell's way of saying that there is none.
    return undefined
  }
}
