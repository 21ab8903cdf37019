import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readConfig } from '@rekey/idp'
import fc from 'fast-check'
import { anonymousPropagationMs, derivation, readers, settings } from '../src/policy.ts'

describe('the time for which a new key is published before it is used', () => {
  it('is max-age, the slowest reader and the skew', () => {
    assert.equal(anonymousPropagationMs(settings, readers), 30_000 + 5_000 + 30_000 + 5_000)
  })

  it('is never less than the policy demands, and grows with every reader', () => {
    const reader = fc.record({ name: fc.string(), coolDownMs: fc.nat(60_000), replyMs: fc.nat(5_000) })
    const given = fc.record({ jwksMaxAgeMs: fc.nat(600_000), skewMs: fc.nat(60_000) })
    fc.assert(
      fc.property(given, fc.array(reader), reader, (policy, some, another) => {
        const needed = anonymousPropagationMs(policy, some)
        assert.ok(needed >= policy.jwksMaxAgeMs + policy.skewMs)
        assert.ok(anonymousPropagationMs(policy, [...some, another]) >= needed)
      }),
    )
  })

  it('is taken by the identity provider as it stands', () => {
    const { policy } = readConfig({
      REKEY_ISSUER: 'http://localhost:20000',
      DATABASE_URL: 'postgres://localhost/rekey',
      REKEY_ROOT_KEY: 'env:NONE',
      REKEY_ACCESS_TOKEN_TTL: `${settings.tokenTtlMs}ms`,
      REKEY_CLOCK_SKEW: `${settings.skewMs}ms`,
      REKEY_ANONYMOUS_PROPAGATION: `${anonymousPropagationMs(settings, readers)}ms`,
      JWKS_CACHE_TTL_SECONDS: String(settings.jwksMaxAgeMs / 1_000),
    })
    assert.equal(policy.anonymousPropagationMs, 70_000)
    assert.equal(policy.maxTokenTtlMs, settings.tokenTtlMs)
  })

  it('is told with its reasons', () => {
    const text = derivation(settings, readers).join('\n')
    for (const part of ['70 s', '30 s max-age', '5 s for the reply', 'createRemoteJWKSet', '5 s skew']) {
      assert.ok(text.includes(part), part)
    }
  })
})
