import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { heard, makeEstate, one, setOf, startWith, tokenOf, two } from '../../support/estate.ts'
import { refused } from '../../support/keys.ts'
import { until } from '../../support/mailbox.ts'
import { TrustIssuer } from '../../support/trust-issuer.ts'

const NAME = 'https://idp.example.com'

async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'verifier-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describe('the state file', { timeout: 20_000 }, () => {
  it('is on disk, complete and private, before a revision is acknowledged', async (t) => {
    const folder = await temporaryFolder(t)
    const stateFile = join(folder, 'trust', 'state.json')
    const estate = await makeEstate(t, { stateFile, issuer: NAME })
    const feed = await startWith(estate, [one, two], 4, 1)
    feed.send({ epoch: 4, n: 2, full: false, revokedKids: ['one'] })
    assert.equal((await estate.issuer.leases.next()).body.n, 2)
    const stored = JSON.parse(await readFile(stateFile, 'utf8'))
    assert.deepEqual(stored, { issuer: NAME, epoch: 4, n: 2, revokedKids: ['one'] })
    assert.equal((await stat(stateFile)).mode & 0o777, 0o600)
    assert.deepEqual(await readdir(join(folder, 'trust')), ['state.json'])
  })

  it('keeps what was revoked refused after a restart, whatever the issuer says then', async (t) => {
    const stateFile = join(await temporaryFolder(t), 'state.json')
    const before = await makeEstate(t, { stateFile, issuer: NAME })
    const feed = await startWith(before, [one, two], 4, 1)
    feed.send({ epoch: 4, n: 2, full: false, revokedKids: ['one'] })
    await before.issuer.leases.next()
    await before.verifier.close()

    const after = await makeEstate(t, { stateFile, issuer: NAME })
    await startWith(after, [one, two], 4, 2)
    assert.throws(() => after.verifier.verify(tokenOf(one)), refused('key_revoked'))
    assert.ok(after.verifier.verify(tokenOf(two)))
  })

  it('refuses a set older than the one held before the restart', async (t) => {
    const stateFile = join(await temporaryFolder(t), 'state.json')
    await writeFile(stateFile, JSON.stringify({ issuer: NAME, epoch: 4, n: 2, revokedKids: [] }))
    const estate = await makeEstate(t, { stateFile, issuer: NAME })
    const started = estate.verifier.start()
    const feed = await estate.issuer.feeds.next()
    const problem = heard(estate.verifier, 'problem')
    feed.send({ epoch: 4, n: 1, full: true, jwks: setOf(one) })
    assert.equal((await problem)[0].code, 'revision_backwards')
    assert.equal(estate.verifier.trust.revision, null)
    estate.clock.advance(1000)
    ;(await estate.issuer.feeds.next()).send({ epoch: 4, n: 2, full: true, jwks: setOf(one) })
    await started
  })

  it('that cannot be written leaves the revision unacknowledged until it can', async (t) => {
    const folder = await temporaryFolder(t)
    const blocked = join(folder, 'blocked')
    await writeFile(blocked, 'a file where a folder is needed')
    const estate = await makeEstate(t, { stateFile: join(blocked, 'state.json'), issuer: NAME })
    // The file is looked for at start, when its folder is simply not there.
    await rm(blocked)
    const started = estate.verifier.start()
    const feed = await estate.issuer.feeds.next()
    await writeFile(blocked, 'again')
    const problem = heard(estate.verifier, 'problem')
    feed.send({ epoch: 1, n: 1, full: true, jwks: setOf(one) })
    assert.equal((await problem)[0].code, 'state_file_failed')
    assert.equal(estate.issuer.leases.size, 0)
    assert.throws(() => estate.verifier.verify(tokenOf(one)), refused('trust_unavailable'))
    await rm(blocked)
    estate.clock.advance(1000)
    await started
    assert.equal(JSON.parse(await readFile(join(blocked, 'state.json'), 'utf8')).n, 1)
  })

  for (const [what, text] of Object.entries({
    'is cut off': '{"issuer":"https://idp.exa',
    'is something else': '{"hello":1}',
    'lists kids that are no strings': JSON.stringify({ issuer: NAME, epoch: 1, n: 1, revokedKids: [1] }),
    'belongs to another issuer': JSON.stringify({ issuer: 'https://other.example', epoch: 1, n: 1, revokedKids: [] }),
  })) {
    it(`that ${what} stops the start: what it forgot might be a revocation`, async (t) => {
      const stateFile = join(await temporaryFolder(t), 'state.json')
      await writeFile(stateFile, text)
      const issuerServer = await TrustIssuer.listen()
      const estate = await makeEstate(t, { stateFile, issuer: NAME, issuerServer })
      await assert.rejects(estate.verifier.start(), refused('state_file_failed'))
      assert.equal(await readFile(stateFile, 'utf8'), text)
    })
  }

  it('holds the newest of revisions that arrive while it is being written', async (t) => {
    const stateFile = join(await temporaryFolder(t), 'state.json')
    const estate = await makeEstate(t, { stateFile, issuer: NAME })
    const feed = await startWith(estate, [one])
    for (let n = 2; n <= 20; n++) feed.send({ epoch: 1, n, full: false, revokedKids: [`gone-${n}`] })
    let acknowledged = 0
    while (acknowledged < 20) acknowledged = (await estate.issuer.leases.next()).body.n
    await until(() => estate.issuer.leases.size === 0)
    const stored = JSON.parse(await readFile(stateFile, 'utf8'))
    assert.equal(stored.n, 20)
    assert.equal(stored.revokedKids.length, 19)
  })
})
