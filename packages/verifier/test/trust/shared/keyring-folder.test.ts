import assert from 'node:assert/strict'
import { createHmac, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { renameSync } from 'node:fs'
import { readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { sharedSecrets } from '../../../src/trust/shared/source.ts'
import { createVerifier, type Verifier } from '../../../src/verifier.ts'
import { HandClock } from '../../support/clock.ts'
import { emptyFolder } from '../../support/folder.ts'
import { AUDIENCE, encode, goodClaims, ISSUER, NOW_MS, refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'

const secrets: Record<string, string> = Object.fromEntries(
  ['a', 'b', 'c'].map((id) => [id, randomBytes(32).toString('base64url')]),
)

function tokenOf(id: string, header: Record<string, unknown> = { kid: id }): string {
  const full = { alg: 'HS256', typ: 'at+jwt', ...header }
  const input = `${encode(full)}.${encode(goodClaims())}`
  const mac = createHmac(`sha${full.alg.slice(2)}`, secrets[id] ?? '').update(input)
  return `${input}.${mac.digest('base64url')}`
}

/** A keyring's folder as its store writes it: a file for each revision. */
async function keyringIn(t: TestContext) {
  const folder = await emptyFolder(t)
  const save = async (revision: number, states: Record<string, string>, about: Record<string, unknown> = {}) => {
    const versions = Object.entries(states).map(([id, state]) => {
      const kept = state === 'revoked' || state === 'retired' ? {} : { sealedPrivate: secrets[id] }
      return { id, state, since: 1, publicPart: { kid: id }, ...kept }
    })
    const keyring = { name: 'api', kind: 'shared-secret', algorithm: 'HS256', revision, versions, ...about }
    const name = `${String(revision).padStart(12, '0')}.json`
    await writeFile(join(folder, name), JSON.stringify({ keyring, dueAt: 0, change: {}, savedAt: NOW_MS }))
  }
  const holders = join(folder, 'holders')
  const acknowledged = async () => JSON.parse(await readFile(join(holders, 'api-1.json'), 'utf8'))
  return { folder, save, holders, acknowledged }
}

function verifierOn(t: TestContext, folder: string, algorithms = ['HS256']) {
  const clock = new HandClock(NOW_MS)
  const trust = sharedSecrets({ keyring: folder, instance: 'api-1', clock })
  const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms, clock, trust })
  t.after(() => verifier.close())
  return { clock, verifier }
}

/** Lets a second pass, and waits for the look that is due by then; resolves to what came of it. */
async function lookOf(verifier: Verifier, clock: HandClock): Promise<string> {
  const asked = once(verifier, 'asked')
  const { pending } = clock
  clock.advance(1_000)
  const [outcome] = await asked
  // The next look is arranged.
  await until(() => clock.pending >= pending)
  return outcome
}

describe('trust in a keyring of shared secrets', { timeout: 20_000 }, () => {
  it('accepts what is prepared, active or retiring, by its kid or without one', async (t) => {
    const { folder, save } = await keyringIn(t)
    await save(3, { a: 'retiring', b: 'active', c: 'prepared' })
    const { verifier } = verifierOn(t, folder)
    await verifier.start()
    for (const id of ['a', 'b', 'c']) {
      assert.ok(verifier.verify(tokenOf(id)))
      assert.ok(verifier.verify(tokenOf(id, {})))
    }
    assert.deepEqual(verifier.trust.kids, ['b', 'a', 'c'])
    assert.deepEqual(verifier.trust.revision, { epoch: 0, n: 3 })
    assert.throws(() => verifier.verify(tokenOf('a', { kid: 'b' })), refused('signature_invalid'))
    assert.throws(() => verifier.verify(tokenOf('a', { kid: 'z' })), refused('key_unknown'))
  })

  it('tells a revoked secret from a retired one, and refuses both within a second', async (t) => {
    const { folder, save } = await keyringIn(t)
    await save(3, { a: 'retiring', b: 'active', c: 'prepared' })
    const { verifier, clock } = verifierOn(t, folder)
    await verifier.start()
    const revoked = once(verifier, 'keyRevoked')
    await save(4, { a: 'retired', b: 'revoked', c: 'active' })
    clock.advance(1_000)
    assert.deepEqual(await revoked, ['b'])
    assert.throws(() => verifier.verify(tokenOf('a')), refused('key_retired'))
    assert.throws(() => verifier.verify(tokenOf('b')), refused('key_revoked'))
    assert.throws(() => verifier.verify(tokenOf('b', {})), refused('signature_invalid'))
    assert.ok(verifier.verify(tokenOf('c')))
  })

  it('says which revision it holds once it does, again and again, and goodbye at the end', async (t) => {
    const { folder, save, holders, acknowledged } = await keyringIn(t)
    await save(1, { a: 'active' })
    const { verifier, clock } = verifierOn(t, folder)
    await verifier.start()
    assert.deepEqual(await acknowledged(), { instance: 'api-1', holds: 1, algorithms: ['HS256'], seenAt: NOW_MS })
    await save(2, { a: 'active', b: 'prepared' })
    await verifier.refresh()
    assert.equal((await acknowledged()).holds, 2)
    clock.jumpWall(4_999)
    await verifier.refresh()
    assert.equal((await acknowledged()).seenAt, NOW_MS)
    clock.jumpWall(1)
    await verifier.refresh()
    assert.equal((await acknowledged()).seenAt, NOW_MS + 5_000)
    await verifier.close()
    assert.deepEqual(await readdir(holders), [])
  })

  it('knows at its start whatever was saved before anybody could see it: nothing waited for it until then', async (t) => {
    const { folder, save, acknowledged } = await keyringIn(t)
    await save(1, { a: 'active' })
    await save(2, { a: 'retiring', b: 'active' })
    await rename(join(folder, '000000000002.json'), join(folder, 'later'))
    const clock = new HandClock(NOW_MS)
    let asked = 0
    const trust = sharedSecrets({
      keyring: folder,
      instance: 'api-1',
      clock: {
        after: (delayMs, act) => clock.after(delayMs, act),
        monotonicMs: () => clock.monotonicMs(),
        wallMs() {
          // The time is read once when it reads, and then when it acknowledges what it read.
          if (++asked === 2) renameSync(join(folder, 'later'), join(folder, '000000000002.json'))
          return clock.wallMs()
        },
      },
    })
    const verifier = createVerifier({ issuer: ISSUER, audience: AUDIENCE, algorithms: ['HS256'], clock, trust })
    t.after(() => verifier.close())
    await verifier.start()
    assert.ok(verifier.verify(tokenOf('b')))
    assert.equal((await acknowledged()).holds, 2)
  })

  it('goes on with what it read last when the folder is gone or damaged, or an old one was put in its place', async (t) => {
    const { folder, save, acknowledged } = await keyringIn(t)
    await save(2, { a: 'revoked', b: 'active' })
    const { verifier } = verifierOn(t, folder)
    const problems: string[] = []
    verifier.on('problem', ({ code }) => problems.push(code))
    await verifier.start()
    const stillGood = () => {
      assert.ok(verifier.verify(tokenOf('b')))
      assert.throws(() => verifier.verify(tokenOf('a')), refused('key_revoked'))
    }
    await writeFile(join(folder, '000000000003.json'), `{"keyring":${secrets.b}`)
    await assert.rejects(verifier.refresh(), (error) => {
      assert.ok(!inspect(error).includes(secrets.b?.slice(0, 5) ?? assert.fail()))
      return refused('secrets_failed')(error)
    })
    stillGood()
    assert.equal((await acknowledged()).holds, 2)
    for (const about of [
      { kind: 'signing-key' },
      { revision: 9 },
      { algorithm: 'HS512' },
      { versions: [{ id: 'c', state: 'active' }] },
    ]) {
      await save(3, { c: 'active' }, about)
      await assert.rejects(verifier.refresh(), refused('secrets_failed'))
      stillGood()
    }
    await rm(join(folder, '000000000003.json'))
    await rm(join(folder, '000000000002.json'))
    await save(1, { a: 'active' })
    await assert.rejects(verifier.refresh(), refused('revision_backwards'))
    stillGood()
    await rm(folder, { recursive: true })
    await assert.rejects(verifier.refresh(), refused('secrets_failed'))
    stillGood()
    await until(() => problems.length > 0)
    assert.deepEqual(problems, ['secrets_failed'])
  })

  const outages: Record<string, (folder: string) => Promise<() => Promise<void>>> = {
    async 'its folder cannot be read'(folder) {
      await rename(folder, `${folder}-away`)
      return () => rename(`${folder}-away`, folder)
    },
    async 'it cannot say that it is still there'(folder) {
      const holders = join(folder, 'holders')
      await rm(holders, { recursive: true })
      await writeFile(holders, 'not a folder')
      return () => rm(holders)
    },
  }
  for (const [what, begin] of Object.entries(outages)) {
    it(`accepts nothing once nobody waits for it any more because ${what}, and goes on when it is over`, async (t) => {
      const { folder, save, acknowledged } = await keyringIn(t)
      await save(1, { a: 'active', b: 'revoked' })
      const { verifier, clock } = verifierOn(t, folder)
      const turns: string[] = []
      for (const event of ['leaseLost', 'leaseRegained'] as const) verifier.on(event, () => turns.push(event))
      await verifier.start()
      const { seenAt } = await acknowledged()
      const end = await begin(folder)
      for (let seconds = 1; seconds < 14; seconds++) await lookOf(verifier, clock)
      assert.equal(await lookOf(verifier, clock), 'secrets_failed')
      clock.advance(999)
      assert.ok(verifier.verify(tokenOf('a')))
      assert.equal(verifier.trust.leaseLeftMs, 1)
      clock.advance(1)
      assert.equal(clock.wallMs(), seenAt + 15_000)
      assert.throws(() => verifier.verify(tokenOf('a')), refused('trust_unavailable'))
      assert.throws(() => verifier.verify(tokenOf('b')), refused('key_revoked'))
      const { held, leaseLeftMs } = verifier.trust
      assert.deepEqual({ held, leaseLeftMs }, { held: false, leaseLeftMs: 0 })
      await assert.rejects(verifier.refresh(), refused('secrets_failed'))
      assert.deepEqual(turns, ['leaseLost'])
      await end()
      assert.equal(await lookOf(verifier, clock), 'ok')
      assert.ok(verifier.verify(tokenOf('a')))
      assert.equal(verifier.trust.leaseLeftMs, 15_000)
      assert.equal((await acknowledged()).seenAt, clock.wallMs())
      await until(() => turns.length === 2)
      assert.deepEqual(turns, ['leaseLost', 'leaseRegained'])
    })
  }

  it('loses nothing for as long as it can be read', async (t) => {
    const { folder, save, acknowledged } = await keyringIn(t)
    await save(1, { a: 'active' })
    const { verifier, clock } = verifierOn(t, folder)
    await verifier.start()
    for (let seconds = 1; seconds <= 40; seconds++) {
      assert.equal(await lookOf(verifier, clock), 'ok')
      assert.ok(verifier.trust.leaseLeftMs > 10_000)
    }
    assert.equal((await acknowledged()).seenAt, NOW_MS + 40_000)
  })

  it('takes a document that is named and not there for an outage, and looks no more than a few times', async (t) => {
    const { folder, save } = await keyringIn(t)
    await save(1, { a: 'active' })
    const { verifier } = verifierOn(t, folder)
    await verifier.start()
    await symlink(join(folder, 'nowhere'), join(folder, '000000000002.json'))
    await assert.rejects(verifier.refresh(), refused('secrets_failed'))
    assert.ok(verifier.verify(tokenOf('a')))
    await rm(join(folder, '000000000002.json'))
    await save(2, { a: 'retiring', b: 'active' })
    assert.deepEqual((await verifier.refresh()).added, ['b'])
  })

  it('takes no secret of another algorithm than its keyring has', async (t) => {
    const { folder, save } = await keyringIn(t)
    await save(1, { a: 'active' })
    await assert.rejects(verifierOn(t, folder, ['HS384']).verifier.start(), TypeError)
    const { verifier } = verifierOn(t, folder, ['HS384', 'HS256'])
    await verifier.start()
    assert.ok(verifier.verify(tokenOf('a')))
    assert.throws(() => verifier.verify(tokenOf('a', { alg: 'HS384', kid: 'a' })), refused('key_unusable'))
  })

  it('cannot start without a keyring, or where it cannot say that it is there', async (t) => {
    const { folder, save, holders } = await keyringIn(t)
    await assert.rejects(verifierOn(t, join(folder, 'nowhere')).verifier.start(), refused('secrets_failed'))
    await assert.rejects(verifierOn(t, folder).verifier.start(), refused('secrets_failed'))
    await save(1, { a: 'active' })
    await writeFile(holders, 'not a folder')
    await assert.rejects(verifierOn(t, folder).verifier.start(), refused('secrets_failed'))
  })

  it('takes options that contradict each other, or an instance that climbs out of the folder, for wrong use', () => {
    for (const options of [
      { keyring: '' },
      { keyring: '/a', secrets: secrets.a },
      { keyring: '/a', instance: '../b' },
      { keyring: '/a', instance: '.b' },
      { keyring: '/a', instance: '' },
    ]) {
      assert.throws(() => sharedSecrets(options as never), TypeError)
    }
    assert.ok(sharedSecrets({ keyring: '/a' }))
  })
})
