import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { jwksPolling } from '../../../src/index.ts'
import type { SecretSource } from '../../../src/secrets/source.ts'
import { sharedSecrets } from '../../../src/trust/shared/source.ts'
import { createVerifier } from '../../../src/verifier.ts'
import { HandClock } from '../../support/clock.ts'
import { emptyFolder } from '../../support/folder.ts'
import { AUDIENCE, compact, encode, goodClaims, ISSUER, makeKey, NOW_MS, refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { mountedSecret } from '../../support/mounted-secret.ts'

const makeSecret = (bytes = 32): string => randomBytes(bytes).toString('hex').slice(0, bytes)
const [one, two, three] = [makeSecret(), makeSecret(), makeSecret()]

/** A token as any library makes it that takes the secret as a string. */
function tokenOf(secret: string, header: Record<string, unknown> = {}): string {
  const full = { alg: 'HS256', typ: 'at+jwt', ...header }
  const input = `${encode(full)}.${encode(goodClaims())}`
  const mac = createHmac(`sha${full.alg.slice(2)}`, secret).update(input)
  return `${input}.${mac.digest('base64url')}`
}

function verifierOn(t: TestContext, secrets: SecretSource, algorithms = ['HS256']) {
  const clock = new HandClock(NOW_MS)
  const trust = sharedSecrets({ secrets, clock })
  const verdictCache = { maxEntries: 10 }
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms, clock, trust, verdictCache })
  t.after(() => verifier.close())
  return { clock, verifier }
}

async function started(t: TestContext, secrets: SecretSource, algorithms?: string[]) {
  const made = verifierOn(t, secrets, algorithms)
  await made.verifier.start()
  return made
}

describe('trust in shared secrets', { timeout: 20_000 }, () => {
  it('accepts tokens of each of the secrets, with or without a kid, and of no other', async (t) => {
    const { verifier } = await started(t, `${one},${two}`)
    for (const secret of [one, two]) {
      assert.ok(verifier.verify(tokenOf(secret)))
      assert.ok(await verifier.authenticate(tokenOf(secret, { kid: 'whatever the issuer calls it' })))
    }
    assert.throws(() => verifier.verify(tokenOf(three)), refused('signature_invalid'))
    await assert.rejects(verifier.authenticate(tokenOf(three, { kid: 'x' })), refused('signature_invalid'))
  })

  it('takes any of HS256, HS384 and HS512 that is allowed', async (t) => {
    const secret = makeSecret(64)
    const { verifier } = await started(t, [secret], ['HS256', 'HS384', 'HS512'])
    for (const alg of ['HS256', 'HS384', 'HS512']) assert.ok(verifier.verify(tokenOf(secret, { alg })))
    const { verifier: strict } = await started(t, [secret], ['HS384'])
    for (const alg of ['HS256', 'HS512']) {
      assert.throws(() => strict.verify(tokenOf(secret, { alg })), refused('algorithm_not_allowed'))
    }
  })

  it('tells which secrets are loaded, and nothing of what they are', async (t) => {
    const { verifier } = await started(t, [one, two])
    const { kids, held, revision, leaseLeftMs } = verifier.trust
    assert.deepEqual([held, revision, leaseLeftMs], [true, null, Number.POSITIVE_INFINITY])
    assert.equal(new Set(kids).size, 2)
    for (const kid of kids) assert.match(kid, /^[0-9a-f]{8}$/)
    const { verifier: reversed } = await started(t, [two, one])
    assert.deepEqual(reversed.trust.kids, [...kids].reverse())
  })

  it('holds nothing before it is started and after it is closed', async (t) => {
    const { verifier } = verifierOn(t, one)
    assert.equal(verifier.trust.held, false)
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    await verifier.start()
    assert.ok(verifier.verify(tokenOf(one)))
    await verifier.close()
    assert.throws(() => verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    assert.equal(verifier.trust.held, false)
    await assert.rejects(verifier.refresh(), refused('verifier_closed'))
  })
})

describe('a shared secret that is too weak', () => {
  for (const [algorithm, bytes] of [
    ['HS256', 32],
    ['HS384', 48],
    ['HS512', 64],
  ] as const) {
    it(`is refused at the start for ${algorithm} below ${bytes} bytes, with the size it must have`, async (t) => {
      const short = makeSecret(bytes - 1)
      const start = async () => verifierOn(t, [makeSecret(bytes), short], [algorithm]).verifier.start()
      await assert.rejects(start, (error: Error) => {
        assert.ok(error instanceof TypeError)
        assert.match(error.message, new RegExp(`${algorithm} must be at least ${bytes} bytes`))
        assert.ok(!error.message.includes(short.slice(0, 4)))
        return true
      })
    })
  }

  it('is counted in bytes, and against the longest of the algorithms allowed', async (t) => {
    assert.ok(await started(t, ['ä'.repeat(16)]))
    await assert.rejects(verifierOn(t, [makeSecret(32)], ['HS256', 'HS512']).verifier.start(), /HS512 .* 64 bytes/)
  })

  it('is a public key, which everybody has: the one of the issuer signs nothing here', async (t) => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ format: 'pem', type: 'spki' }) as string
    const jwk = JSON.stringify(publicKey.export({ format: 'jwk' }))
    for (const text of [pem, pem.trim(), jwk, `  ${pem}`]) {
      assert.throws(() => sharedSecrets({ secrets: [text] }), TypeError)
      assert.throws(() => sharedSecrets({ secrets: text }), TypeError)
      const path = join(await emptyFolder(t), 'secret')
      await writeFile(path, text)
      await assert.rejects(verifierOn(t, { file: path }).verifier.start(), TypeError)
    }
  })
})

describe('shared secrets and public keys', () => {
  const options = { issuer: ISSUER, audience: AUDIENCE }

  it('are never mixed: the wrong algorithm for the source is wrong use before anything runs', () => {
    const polling = () => jwksPolling({ jwksUri: 'https://idp.example.com/jwks.json' })
    for (const algorithms of [['ES256'], ['HS256', 'RS256'], ['none'], ['hs256']]) {
      assert.throws(() => createVerifier({ ...options, algorithms, trust: sharedSecrets({ secrets: one }) }), TypeError)
    }
    for (const algorithms of [['HS256'], ['RS256', 'HS256']]) {
      assert.throws(() => createVerifier({ ...options, algorithms, trust: polling() }), TypeError)
    }
    assert.ok(createVerifier({ ...options, algorithms: ['ES256', 'RS256'], trust: polling() }))
  })

  it('do not stand in for each other: a token of a public key is refused, and none counts as none', async (t) => {
    const { verifier } = await started(t, one)
    for (const algorithm of ['RS256', 'ES256', 'EdDSA']) {
      const token = compact(makeKey(algorithm), goodClaims(), { typ: 'at+jwt' })
      assert.throws(() => verifier.verify(token), refused('algorithm_not_allowed'))
      const relabelled = compact(makeKey(algorithm), goodClaims(), { typ: 'at+jwt', alg: 'HS256' })
      assert.throws(() => verifier.verify(relabelled), refused('signature_invalid'))
    }
    const unsigned = `${encode({ alg: 'none', typ: 'at+jwt' })}.${encode(goodClaims())}.`
    assert.throws(() => verifier.verify(unsigned), refused('algorithm_not_allowed'))
    assert.throws(
      () => verifier.verify(`${tokenOf(one).split('.').slice(0, 2).join('.')}.`),
      refused('signature_invalid'),
    )
  })
})

describe('a file of shared secrets', { timeout: 20_000 }, () => {
  async function onFile(t: TestContext, text: string) {
    const path = join(await emptyFolder(t), 'secrets')
    await writeFile(path, text)
    const replace = async (next: string) => {
      await writeFile(`${path}.next`, next)
      await rename(`${path}.next`, path)
    }
    return { path, replace, ...(await started(t, { file: path })) }
  }

  it('is rotated without a token being refused, and a secret taken out is refused at once', async (t) => {
    const { verifier, replace, clock } = await onFile(t, one)
    const [oldToken, newToken] = [tokenOf(one), tokenOf(two)]
    // The key of the start is announced on the next tick.
    await new Promise(setImmediate)
    const added = once(verifier, 'keyAdded')
    await replace(`${two}\n${one}\n`)
    clock.advance(1_000)
    const [kid] = await added
    assert.ok(verifier.verify(oldToken) && verifier.verify(newToken))
    assert.deepEqual(verifier.trust.kids[0], kid)
    const removed = once(verifier, 'keyRemoved')
    await replace(two)
    clock.advance(1_000)
    await removed
    assert.throws(() => verifier.verify(oldToken), refused('signature_invalid'))
    assert.ok(verifier.verify(newToken))
  })

  it('is read now when a refresh is asked for, which tells what it found', async (t) => {
    const { verifier, replace } = await onFile(t, `${one},${two}`)
    const [first] = verifier.trust.kids
    await replace(`${three},${two}`)
    const refreshed = await verifier.refresh()
    assert.deepEqual(refreshed.removed, [first])
    assert.deepEqual(refreshed.added, [refreshed.kids[0]])
    assert.ok(verifier.verify(tokenOf(three)))
    assert.throws(() => verifier.verify(tokenOf(one)), refused('signature_invalid'))
    assert.deepEqual((await verifier.refresh()).added, [])
  })

  it('is seen through the links by which Kubernetes replaces it', async (t) => {
    const { path, update } = await mountedSecret(await emptyFolder(t), 'secrets')
    await update(one)
    const { verifier, clock } = await started(t, `file:${path}`)
    const removed = once(verifier, 'keyRemoved')
    await update(two)
    clock.advance(1_000)
    await removed
    assert.ok(verifier.verify(tokenOf(two)))
    assert.throws(() => verifier.verify(tokenOf(one)), refused('signature_invalid'))
  })

  it('takes the verdicts of a secret along when it goes, and keeps them while nothing changes', async (t) => {
    const { verifier, replace } = await onFile(t, `${one},${two}`)
    const [oldToken, newToken] = [tokenOf(one), tokenOf(two)]
    for (const hits of [0, 2, 4]) {
      assert.ok(verifier.verify(oldToken) && verifier.verify(newToken))
      assert.equal(verifier.metrics().cache?.hits, hits)
      await verifier.refresh()
    }
    await replace(two)
    await verifier.refresh()
    assert.throws(() => verifier.verify(oldToken), refused('signature_invalid'))
    assert.ok(verifier.verify(newToken))
  })

  it('may vanish: the secrets read last stay in force, one problem tells of it, and it is taken up when it is back', async (t) => {
    const { verifier, path, replace, clock } = await onFile(t, one)
    let problems = 0
    verifier.on('problem', () => problems++)
    const told = once(verifier, 'problem')
    await rm(path)
    clock.advance(1_000)
    const [{ code }] = await told
    assert.equal(code, 'secrets_failed')
    await assert.rejects(verifier.refresh(), refused('secrets_failed'))
    assert.ok(verifier.verify(tokenOf(one)))
    assert.ok((verifier.trust.ageMs ?? 0) >= 1_000)
    await replace(two)
    await verifier.refresh()
    assert.equal(verifier.trust.ageMs, 0)
    assert.throws(() => verifier.verify(tokenOf(one)), refused('signature_invalid'))
    assert.equal(problems, 1)
  })

  it('may be spoilt: a weak secret, a public key or nothing at all does not take the place of good ones', async (t) => {
    const { verifier, replace } = await onFile(t, one)
    for (const text of [
      'short',
      `${two},short`,
      '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
      '',
      `${two},,`,
    ]) {
      await replace(text)
      await assert.rejects(verifier.refresh(), refused('secrets_failed'))
      assert.ok(verifier.verify(tokenOf(one)))
      assert.throws(() => verifier.verify(tokenOf(two)), refused('signature_invalid'))
    }
  })

  it('must be there at the start', async (t) => {
    const path = join(await emptyFolder(t), 'nowhere')
    await assert.rejects(verifierOn(t, { file: path }).verifier.start(), refused('secrets_failed'))
    await writeFile(path, '')
    await assert.rejects(verifierOn(t, { file: path }).verifier.start(), TypeError)
  })

  it('is told apart from options that are none', () => {
    for (const options of [
      undefined,
      {},
      { secrets: '' },
      { secrets: [] },
      { secrets: 'a,,b' },
      { secrets: { file: 1 } },
    ]) {
      assert.throws(() => sharedSecrets(options as never), TypeError)
    }
  })

  it('lets go of its timer when closed', async (t) => {
    const { verifier, replace, clock } = await onFile(t, one)
    await verifier.close()
    await replace(two)
    clock.advance(10_000)
    let turns = 0
    await until(() => ++turns > 20)
    assert.deepEqual(verifier.trust.kids.length, 1)
    assert.throws(() => verifier.verify(tokenOf(two)), refused('trust_unavailable'))
  })
})
