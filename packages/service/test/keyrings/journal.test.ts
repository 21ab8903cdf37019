import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import type { Keyring } from '@rekey/keyring'
import { RevocationJournal, type ServiceError } from '../../src/index.ts'

const folder = await mkdtemp(join(tmpdir(), 'rekey-journal-'))
after(() => rm(folder, { recursive: true }))
let files = 0
const newPath = () => join(folder, 'deep', `${++files}.jsonl`)

describe('the revocation journal', () => {
  const version = (id: string, state: string) => ({ id, state, since: 1, preparedAt: 1, publicPart: { kid: id } })
  const keyring = (...versions: object[]) => ({ name: 'signing', versions }) as unknown as Keyring
  const revoked = { ...version('stolen', 'revoked'), reason: 'leaked', incident: 'INC-1', revokedAt: 7 }
  const restored = keyring({ ...version('stolen', 'active'), sealedPrivate: 'sealed' }, version('next', 'prepared'))

  it('makes of a version that the database brought back a revoked one, without its private half', async () => {
    const journal = await RevocationJournal.open()
    await journal.remember([keyring(revoked)])
    const [stolen, next] = journal.corrected(restored).versions
    assert.deepEqual(
      [stolen?.state, stolen?.reason, stolen?.revokedAt, stolen?.sealedPrivate, next?.state],
      ['revoked', 'leaked', 7, undefined, 'prepared'],
    )
    assert.deepEqual(journal.forgottenBy(restored), [
      { keyring: 'signing', id: 'stolen', reason: 'leaked', incident: 'INC-1', revokedAt: 7, wasActive: true },
    ])
  })

  it('leaves alone what it does not know, and what is not accepted anyway', async () => {
    const journal = await RevocationJournal.open()
    assert.equal(journal.corrected(restored), restored)
    await journal.remember([keyring(revoked)])
    const retired = keyring(version('stolen', 'retired'))
    assert.equal(journal.corrected(retired), retired)
  })

  it('survives its process, in a file that only its owner reads, and says each thing once', async () => {
    const path = newPath()
    const first = await RevocationJournal.open(path)
    await first.remember([keyring(revoked)])
    await first.remember([keyring(revoked)])
    assert.equal((await stat(path)).mode & 0o777, 0o600)
    assert.equal((await readFile(path, 'utf8')).match(/stolen/g)?.length, 1)
    assert.equal((await RevocationJournal.open(path)).forgottenBy(restored).length, 1)
  })

  it('is read although a crash cut a line short, and is written on behind it', async () => {
    const path = newPath()
    await (await RevocationJournal.open(path)).remember([keyring(revoked)])
    await appendFile(path, '\n{"keyring":"signing","id":"ha')
    const other = { ...revoked, id: 'next' }
    await (await RevocationJournal.open(path)).remember([keyring(other)])
    assert.equal((await RevocationJournal.open(path)).forgottenBy(restored).length, 2)
  })

  it('is refused when it is damaged: what it lost might be a stolen key', async () => {
    const path = newPath()
    await (await RevocationJournal.open(path)).remember([keyring(revoked)])
    await writeFile(path, '{"keyring":17}\n')
    await assert.rejects(RevocationJournal.open(path), (error: ServiceError) => error.code === 'JOURNAL_FAILED')
  })

  it('that cannot be written remembers in memory, says so, and writes it when it can', async () => {
    const path = newPath()
    const journal = await RevocationJournal.open(path)
    await mkdir(path, { recursive: true })
    await assert.rejects(journal.remember([keyring(revoked)]), (error: ServiceError) => error.code === 'JOURNAL_FAILED')
    assert.equal(journal.forgottenBy(restored).length, 1)
    await rmdir(path)
    await journal.remember([])
    assert.equal((await RevocationJournal.open(path)).forgottenBy(restored).length, 1)
  })
})
