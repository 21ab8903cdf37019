import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { verifierFromEnvironment } from '../../src/environment/verifier.ts'
import { createVerifier } from '../../src/verifier.ts'
import { HandClock } from '../support/clock.ts'
import { emptyFolder } from '../support/folder.ts'
import { JwksServer } from '../support/jwks-server.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, makeKey, NOW_MS, refused } from '../support/keys.ts'

const SECRET = 'hush-'.repeat(8)
const OTHER = 'ssst-'.repeat(8)
const named = { REKEY_JWT_ISSUER: ISSUER, REKEY_JWT_AUDIENCE: AUDIENCE }
const withSecret = { ...named, REKEY_JWT_HS256_SECRET: SECRET }
const withUrl = { ...named, REKEY_JWT_JWKS_URL: 'https://idp.example.com/jwks.json' }

function tokenOf(secret: string, header: Record<string, unknown> = {}, claims: Record<string, unknown> = {}): string {
  const input = `${encode({ alg: 'HS256', ...header })}.${encode({ ...goodClaims(), ...claims })}`
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
}

async function verifierFor(t: TestContext, env: Record<string, string>) {
  const clock = new HandClock(NOW_MS)
  const verifier = createVerifier(verifierFromEnvironment(env, { clock }))
  t.after(() => verifier.close())
  await verifier.start()
  return verifier
}

/** The TypeError for that environment, a line for each problem; it never has a value in it. */
function problemsOf(env: Record<string, string>, given = {}): string[] {
  try {
    verifierFromEnvironment(env, given)
  } catch (error) {
    assert.ok(error instanceof TypeError)
    assert.doesNotMatch(error.message, /hush|ssst/)
    return error.message.split('\n').slice(1)
  }
  return assert.fail('nothing was found wrong')
}

describe('a verifier from the environment', { timeout: 20_000 }, () => {
  it('takes a shared secret, several of them, or a file', async (t) => {
    const file = join(await emptyFolder(t), 'secret')
    await writeFile(file, `${SECRET}\n${OTHER}\n`)
    const both = `${SECRET},${OTHER}`
    for (const value of [{ HS256_SECRET: both }, { HS256_SECRET: `file:${file}` }, { HS256_SECRET_FILE: file }]) {
      for (const prefix of ['REKEY_JWT_', 'FLUXLIT_JWT_']) {
        const [[name, text]] = Object.entries(value) as [[string, string]]
        const verifier = await verifierFor(t, { ...named, [prefix + name]: text })
        for (const secret of [SECRET, OTHER]) assert.ok(verifier.verify(tokenOf(secret)))
        assert.throws(() => verifier.verify(tokenOf('x'.repeat(40))), refused('signature_invalid'))
      }
    }
  })

  it('takes the address of a JWKS, and whatever public-key algorithm its keys are of', async (t) => {
    const keys = ['ES256', 'ES512', 'RS256', 'PS384', 'EdDSA'].map((algorithm) => makeKey(algorithm))
    const server = await JwksServer.listen()
    t.after(() => server.close())
    server.serve({ keys: keys.map(({ jwk }) => jwk) })
    const verifier = await verifierFor(t, { ...named, FLUXLIT_JWT_JWKS_URL: server.url })
    for (const key of keys) assert.ok(verifier.verify(compact(key, goodClaims())))
    assert.throws(() => verifier.verify(tokenOf(SECRET)), refused('algorithm_not_allowed'))
  })

  it('reads the names of FluxLit too, and both where they agree', () => {
    const old = {
      FLUXLIT_JWT_ISSUER: ISSUER,
      FLUXLIT_JWT_AUDIENCE: AUDIENCE,
      FLUXLIT_JWT_HS256_SECRET: SECRET,
      FLUXLIT_JWT_LEEWAY_SECONDS: '30',
    }
    for (const env of [old, { ...old, ...withSecret, REKEY_JWT_LEEWAY_SECONDS: '30' }]) {
      const { issuer, audience, clockToleranceMs, algorithms } = verifierFromEnvironment(env)
      assert.deepEqual([issuer, audience, clockToleranceMs, algorithms], [ISSUER, [AUDIENCE], 30_000, ['HS256']])
    }
  })

  it('accepts access tokens as issuers write them, and no token that says it is something else', async (t) => {
    const verifier = await verifierFor(t, withSecret)
    for (const typ of ['at+jwt', 'JWT', 'application/at+jwt', undefined]) {
      assert.ok(verifier.verify(tokenOf(SECRET, { typ })))
    }
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'client-authentication+jwt']) {
      assert.throws(() => verifier.verify(tokenOf(SECRET, { typ })), refused('type_mismatch'))
    }
  })

  it('is told which types and algorithms to accept', async (t) => {
    const strict = await verifierFor(t, { ...withSecret, REKEY_JWT_TYP: 'at+jwt' })
    assert.throws(() => strict.verify(tokenOf(SECRET)), refused('type_mismatch'))
    const untyped = await verifierFor(t, { ...withSecret, REKEY_JWT_TYP: 'none, x+jwt' })
    assert.ok(untyped.verify(tokenOf(SECRET)) && untyped.verify(tokenOf(SECRET, { typ: 'x+jwt' })))
    assert.throws(() => untyped.verify(tokenOf(SECRET, { typ: 'JWT' })), refused('type_mismatch'))
    const any = await verifierFor(t, { ...withSecret, REKEY_JWT_TYP: 'any' })
    assert.ok(any.verify(tokenOf(SECRET, { typ: 'whatever' })))
    const { algorithms } = verifierFromEnvironment({ ...withUrl, REKEY_JWT_ALGORITHMS: 'ES256, RS256' })
    assert.deepEqual(algorithms, ['ES256', 'RS256'])
  })

  it('accepts each of several audiences, and allows for the clock of the issuer', async (t) => {
    const verifier = await verifierFor(t, {
      ...withSecret,
      REKEY_JWT_AUDIENCE: `other, ${AUDIENCE}`,
      REKEY_JWT_LEEWAY_SECONDS: '1.5',
    })
    assert.ok(verifier.verify(tokenOf(SECRET, {}, { aud: 'other', exp: NOW_MS / 1000 - 1 })))
    assert.throws(() => verifier.verify(tokenOf(SECRET, {}, { exp: NOW_MS / 1000 - 2 })), refused('token_expired'))
    assert.throws(() => verifier.verify(tokenOf(SECRET, {}, { aud: 'third' })), refused('audience_mismatch'))
  })

  it('lets what is given go before what the environment says', () => {
    const trust = verifierFromEnvironment(withUrl).trust
    const given = { issuer: null, audience: null, trust, algorithms: ['ES256'], clockToleranceMs: 7, requiredTyp: null }
    const options = verifierFromEnvironment(
      { ...withSecret, REKEY_JWT_LEEWAY_SECONDS: '9' },
      { ...given, maxLength: 99 },
    )
    assert.deepEqual(options, { ...given, maxLength: 99 })
    assert.deepEqual(verifierFromEnvironment({}, { issuer: ISSUER, audience: 'a', trust }).algorithms.length, 11)
  })
})

describe('an environment that does not say how to verify', () => {
  it('is told all that is wrong with it at once, by the names of the variables', () => {
    const problems = problemsOf({ REKEY_JWT_LEEWAY_SECONDS: '-1', FLUXLIT_JWT_TYP: 'JWT,,x' })
    assert.equal(problems.length, 5)
    for (const name of ['ISSUER', 'AUDIENCE', 'JWKS_URL', 'HS256_SECRET', 'LEEWAY_SECONDS']) {
      assert.ok(problems.join().includes(`REKEY_JWT_${name} or FLUXLIT_JWT_${name}`), name)
    }
    assert.ok(problems.includes('FLUXLIT_JWT_TYP: there is nothing between two commas'))
  })

  it('has neither a secret nor an address, or both, also across the prefixes', () => {
    const address = { FLUXLIT_JWT_JWKS_URL: 'https://idp.example.com/jwks.json' }
    for (const env of [named, { ...named, REKEY_JWT_JWKS_URL: '' }, { ...withSecret, ...withUrl }]) {
      assert.match(problemsOf(env).join(), /^exactly one must be set: .*JWKS_URL.*HS256_SECRET/)
    }
    assert.match(problemsOf({ ...withSecret, ...address }).join(), /^exactly one must be set/)
    assert.match(
      problemsOf({ ...named, ...address, REKEY_JWT_HS256_SECRET_FILE: '/a' }).join(),
      /^exactly one must be set/,
    )
  })

  it('says two things under two prefixes', () => {
    const contradictory = {
      FLUXLIT_JWT_ISSUER: 'https://other.example',
      FLUXLIT_JWT_HS256_SECRET: OTHER,
      FLUXLIT_JWT_LEEWAY_SECONDS: '3',
      REKEY_JWT_LEEWAY_SECONDS: '4',
    }
    const pair = (name: string) => `REKEY_JWT_${name} and FLUXLIT_JWT_${name}: set to different values`
    assert.deepEqual(problemsOf({ ...withSecret, ...contradictory }), [
      pair('HS256_SECRET'),
      pair('ISSUER'),
      pair('LEEWAY_SECONDS'),
    ])
    const [said, ...more] = problemsOf({ ...withSecret, FLUXLIT_JWT_HS256_SECRET_FILE: '/run/secret' })
    assert.equal(said, 'REKEY_JWT_HS256_SECRET and FLUXLIT_JWT_HS256_SECRET_FILE: set to different values')
    assert.deepEqual(more, [])
  })

  it('has one fault and is told of one', () => {
    const name = 'REKEY_JWT_HS256_SECRET'
    const faults: [Record<string, string>, string][] = [
      [{ ...withSecret, [`${name}_FILE`]: '/a' }, `${name} and ${name}_FILE are both set`],
      [{ ...withSecret, REKEY_JWT_AUDIENCE: 'a,' }, 'REKEY_JWT_AUDIENCE: there is nothing between two commas'],
      [{ ...withUrl, REKEY_JWT_ALGORITHMS: 'ES256,,' }, 'REKEY_JWT_ALGORITHMS: there is nothing between two commas'],
      [
        { ...withUrl, FLUXLIT_JWT_JWKS_URL: 'x' },
        'REKEY_JWT_JWKS_URL and FLUXLIT_JWT_JWKS_URL: set to different values',
      ],
    ]
    for (const [env, expected] of faults) assert.deepEqual(problemsOf(env), [expected])
  })

  it('names a file where no secret stands, or a weak one, and is told by the name of the variable', async (t) => {
    const folder = await emptyFolder(t)
    const [missing, weak] = [join(folder, 'ssst'), join(folder, 'weak')]
    await writeFile(weak, 'hush\n')
    const name = 'REKEY_JWT_HS256_SECRET'
    for (const [set, text] of [
      [name, `file:${missing}`],
      [`${name}_FILE`, missing],
    ] as const) {
      assert.deepEqual(problemsOf({ ...named, [set]: text }), [`${set}: the shared secrets could not be read`])
    }
    assert.match(
      problemsOf({ ...named, [`${name}_FILE`]: folder }).join(),
      /^REKEY_JWT_HS256_SECRET_FILE: .* not a file$/,
    )
    assert.match(problemsOf({ ...named, [`${name}_FILE`]: weak }).join(), /^REKEY_JWT_HS256_SECRET_FILE: .*32 bytes/)
  })

  it('has an issuer that no variable of that name can say', () => {
    const file = { REKEY_JWT_ISSUER_FILE: '/run/issuer', REKEY_JWT_HS256_SECRET: SECRET, REKEY_JWT_AUDIENCE: AUDIENCE }
    assert.deepEqual(problemsOf(file), ['REKEY_JWT_ISSUER or FLUXLIT_JWT_ISSUER is not set'])
  })

  it('leaves the issuer or the audience open without being told to', () => {
    for (const name of ['ISSUER', 'AUDIENCE']) {
      for (const value of ['', '  ']) {
        assert.match(
          problemsOf({ ...withSecret, [`REKEY_JWT_${name}`]: value }).join(),
          new RegExp(`_${name} is not set`),
        )
      }
    }
    assert.equal(
      verifierFromEnvironment({ REKEY_JWT_HS256_SECRET: SECRET }, { issuer: null, audience: null }).issuer,
      null,
    )
  })

  it('mixes secrets and public keys, or names an algorithm that there is not', () => {
    for (const [env, names] of [
      [withSecret, 'ES256'],
      [withSecret, 'HS256,RS256'],
      [withUrl, 'HS256'],
      [withUrl, 'ES256,HS256'],
      [withUrl, 'none'],
      [withUrl, 'ES265'],
    ] as const) {
      assert.match(problemsOf({ ...env, REKEY_JWT_ALGORITHMS: names }).join(), /^REKEY_JWT_ALGORITHMS/)
    }
  })

  it('has a secret that anybody could guess or has, an address that anybody could answer for, or a strange leeway', () => {
    const wrong: [Record<string, string>, RegExp][] = [
      [{ ...named, REKEY_JWT_HS256_SECRET: 'hush' }, /32 bytes/],
      [{ ...named, REKEY_JWT_HS256_SECRET: `${SECRET},hush` }, /32 bytes/],
      [{ ...named, REKEY_JWT_HS256_SECRET: `${SECRET},,` }, /two commas/],
      [{ ...named, REKEY_JWT_HS256_SECRET: '-----BEGIN PUBLIC KEY----- MFkwEwYHKoZIzj0CAQYI' }, /key or certificate/],
      [{ ...named, REKEY_JWT_JWKS_URL: 'http://idp.example.com/jwks.json' }, /https/],
      [{ ...named, REKEY_JWT_JWKS_URL: 'idp' }, /URL/],
    ]
    for (const [env, expected] of wrong) assert.match(problemsOf(env).join(), expected)
    for (const text of ['-1', 'Infinity', '1e3', 'ten', '0x10', '9'.repeat(400)]) {
      assert.match(problemsOf({ ...withSecret, REKEY_JWT_LEEWAY_SECONDS: text }).join(), /number of seconds/)
    }
  })
})
