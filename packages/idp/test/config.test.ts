import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { redactLine } from '@rekey/redact'
import { readConfig } from '../src/config.ts'
import type { IdpError } from '../src/error.ts'

const minimal = {
  REKEY_ISSUER: 'https://idp.example',
  DATABASE_URL: 'postgres://u:secret@db/rekey?sslmode=verify-full',
  REKEY_ROOT_KEY: 'env:ROOT',
}

describe('the configuration', () => {
  test('has production defaults', () => {
    const { policy, accessTokenTtlMs, port, jwksMaxAgeMs } = readConfig(minimal)
    assert.deepEqual([accessTokenTtlMs, port, jwksMaxAgeMs], [3_600_000, 8002, 300_000])
    assert.equal(policy.anonymousPropagationMs, 330_000)
    assert.equal(policy.verifierPatienceMs, null)
    assert.equal(policy.rotateEveryMs, 90 * 86_400_000)
  })

  test('takes a variable that is set to nothing for one that is not set', () => {
    const { port, jwksMaxAgeMs } = readConfig({ ...minimal, REKEY_PORT: '', JWKS_CACHE_TTL_SECONDS: '' })
    assert.deepEqual([port, jwksMaxAgeMs], [8002, 300_000])
  })

  test('reads durations and declares that there are no anonymous readers', () => {
    const { policy } = readConfig({
      ...minimal,
      REKEY_ANONYMOUS_PROPAGATION: '0s',
      REKEY_VERIFIER_PATIENCE: '2h',
      REKEY_ROTATE_EVERY: '30d',
    })
    assert.deepEqual(
      [policy.anonymousPropagationMs, policy.verifierPatienceMs, policy.rotateEveryMs],
      [0, 7_200_000, 2_592_000_000],
    )
  })

  test('looks the more often for what was left behind, the sooner it is to be taken over', () => {
    assert.deepEqual(readConfig(minimal).jobs, { graceSeconds: 5, superviseSeconds: 15 })
    const jobsOf = (REKEY_JOBS_TAKEOVER: string) => readConfig({ ...minimal, REKEY_JOBS_TAKEOVER }).jobs
    assert.deepEqual(jobsOf('2s'), { graceSeconds: 1, superviseSeconds: 1 })
    assert.deepEqual(jobsOf('10m'), { graceSeconds: 150, superviseSeconds: 450 })
    for (const wrong of ['1s', '11m', 'soon']) {
      assert.throws(() => jobsOf(wrong), { code: 'CONFIG_INVALID' }, wrong)
    }
  })

  test('has the APIs of incidents as they are refreshed and probed', () => {
    const { apis } = readConfig({ ...minimal, REKEY_APIS: 'https://a.internal,dns:https://b.internal/' }).breakGlass
    assert.deepEqual(apis, [
      { url: 'https://a.internal', everyAddress: false, path: '/hello' },
      { url: 'https://b.internal', everyAddress: true, path: '/hello' },
    ])
    assert.deepEqual(readConfig(minimal).breakGlass.apis, [])
  })

  test('has the backends for frontends whose sessions end in an incident', () => {
    const list =
      'https://a.internal/ token=file:/run/a client=shop, https://b.internal/bff\nhttp://localhost:8000 client=c'
    const { bffs } = readConfig({ ...minimal, REKEY_BFFS: list }).breakGlass
    assert.deepEqual(bffs, [
      { url: 'https://a.internal', tokenFile: '/run/a', clientId: 'shop' },
      { url: 'https://b.internal/bff' },
      { url: 'http://localhost:8000', clientId: 'c' },
    ])
  })

  test('never repeats a secret that stands beside a backend for frontend', () => {
    for (const word of ['token=sk_very_secret', 'sk_very_secret', 'secret=sk_very_secret']) {
      assert.throws(
        () => readConfig({ ...minimal, REKEY_BFFS: `https://a.internal ${word}` }),
        ({ code, message }: IdpError) => {
          // What is wrong has to survive the redaction of the log too.
          assert.match(redactLine(message), /file:\/path/)
          assert.doesNotMatch(redactLine(message), /redacted/)
          return code === 'CONFIG_INVALID' && !message.includes('sk_very_secret')
        },
      )
    }
  })

  const wrong: [string, Record<string, string>, string, RegExp][] = [
    ['a missing issuer', { REKEY_ISSUER: '' }, 'CONFIG_INVALID', /REKEY_ISSUER/],
    ['an issuer with a trailing slash', { REKEY_ISSUER: 'https://idp.example/' }, 'CONFIG_INVALID', /trailing slash/],
    [
      'a duration without unit',
      { REKEY_ACCESS_TOKEN_TTL: '3600' },
      'CONFIG_INVALID',
      /REKEY_ACCESS_TOKEN_TTL.*1h|for example/,
    ],
    ['a host beyond loopback', { REKEY_HOST: '0.0.0.0' }, 'CONFIG_INVALID', /REKEY_ALLOW_PLAINTEXT/],
    [
      'a database beyond loopback without TLS',
      { DATABASE_URL: 'postgres://u:secret@db/rekey' },
      'CONFIG_INVALID',
      /DATABASE_URL.*sslmode/,
    ],
    ['half of an administrator', { REKEY_ADMIN_CLIENT_ID: 'admin' }, 'CONFIG_INVALID', /REKEY_ADMIN_CLIENT_SECRET/],
    ['half of an account', { REKEY_ADMIN_USERNAME: 'admin' }, 'CONFIG_INVALID', /REKEY_ADMIN_PASSWORD/],
    ['the other half', { REKEY_ADMIN_PASSWORD: 'u:secret and long' }, 'CONFIG_INVALID', /REKEY_ADMIN_USERNAME/],
    [
      'a short password',
      { REKEY_ADMIN_USERNAME: 'a', REKEY_ADMIN_PASSWORD: 'u:secret' },
      'CONFIG_INVALID',
      /at least 12/,
    ],
    ['a limit that is none', { REKEY_ADMINISTRATION_LIMIT: '100' }, 'CONFIG_INVALID', /100\/10s/],
    ['a proxy that is no address', { REKEY_TRUSTED_PROXIES: 'proxy' }, 'CONFIG_INVALID', /TRUSTED_PROXIES.*no address/],
    [
      'a URL for a host',
      { REKEY_OUTBOUND_ALLOW: 'a.internal https://u:secret@b.internal' },
      'CONFIG_INVALID',
      /OUTBOUND_ALLOW.*port/,
    ],
    ['a flag that is none', { OIDC_FORCE_KEY_ROTATION: 'maybe' }, 'CONFIG_INVALID', /OIDC_FORCE_KEY_ROTATION/],
    [
      'two refresh tokens',
      { INTERNAL_JWKS_REFRESH_TOKEN: 'a', INTERNAL_JWKS_REFRESH_TOKEN_FILE: '/run/secrets/b' },
      'CONFIG_INVALID',
      /INTERNAL_JWKS_REFRESH_TOKEN.*which one/,
    ],
    [
      'two tokens for backends for frontends',
      { REKEY_BFF_ADMIN_TOKEN: 'a', REKEY_BFF_ADMIN_TOKEN_FILE: '/run/secrets/b' },
      'CONFIG_INVALID',
      /REKEY_BFF_ADMIN_TOKEN.*which one/,
    ],
    [
      'a backend for frontend whose address has a password',
      { REKEY_BFFS: 'https://ada:x@a.internal' },
      'CONFIG_INVALID',
      /REKEY_BFFS: an address is no plain URL/,
    ],
    [
      'refresh tokens that are used again for long',
      { REKEY_REFRESH_REUSE: '1h' },
      'CONFIG_INVALID',
      /REKEY_REFRESH_REUSE: at most 10m/,
    ],
    [
      'an API that has no address',
      { REKEY_APIS: 'https://a.internal\norders.internal path=/me' },
      'CONFIG_INVALID',
      /REKEY_APIS: APIs, line 2: url is malformed/,
    ],
    [
      'evidence signed by no file',
      { REKEY_EVIDENCE_KEY: '/evidence.key' },
      'CONFIG_INVALID',
      /REKEY_EVIDENCE_KEY.*file:/,
    ],
    ['tokens that outlive the grace', { REKEY_ACCESS_TOKEN_TTL: '24h' }, 'POLICY_INVALID', /maxGrace/],
    ['too little time for readers', { REKEY_ANONYMOUS_PROPAGATION: '60s' }, 'POLICY_INVALID', /anonymousPropagation/],
  ]
  for (const [what, variables, code, message] of wrong) {
    test(`refuses ${what}`, () => {
      assert.throws(
        () => readConfig({ ...minimal, ...variables }),
        (error: Error & { code: string }) =>
          error.code === code && message.test(error.message) && !error.message.includes('u:secret'),
      )
    })
  }
})
