import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, readFile, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { Keyring } from '@rekey/keyring'
import { sql } from 'kysely'
import type { IdpError } from '../../src/error.ts'
import { RevocationJournal } from '../../src/trust/journal.ts'
import { agent, decodeUnverified, type Estate, eventually, startEstate, type TestInstance } from '../estate.ts'

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
    await assert.rejects(RevocationJournal.open(path), (error: IdpError) => error.code === 'JOURNAL_FAILED')
  })

  it('that cannot be written remembers in memory, says so, and writes it when it can', async () => {
    const path = newPath()
    const journal = await RevocationJournal.open(path)
    await mkdir(path, { recursive: true })
    await assert.rejects(journal.remember([keyring(revoked)]), (error: IdpError) => error.code === 'JOURNAL_FAILED')
    assert.equal(journal.forgottenBy(restored).length, 1)
    await rmdir(path)
    await journal.remember([])
    assert.equal((await RevocationJournal.open(path)).forgottenBy(restored).length, 1)
  })
})

describe('a backup that is older than a revocation', () => {
  let estate: Estate
  const signing = 'signing-es256'
  before(async () => {
    estate = await startEstate()
  })
  after(() => estate.stop())

  /** Copies what a backup would bring back; returns what restores it. */
  async function backup(): Promise<() => Promise<void>> {
    const tables = ['revision', 'changes', 'keyrings']
    // In one snapshot: a loop may be saving at this moment, and revisions without their changes are no backup of anything.
    await estate.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (transaction) => {
        for (const table of tables) {
          await sql.raw(`CREATE TABLE backup_of_${table} AS TABLE ${table}`).execute(transaction)
        }
      })
    const back = tables.map((table) => `DELETE FROM ${table}; INSERT INTO ${table} TABLE backup_of_${table};`)
    const away = tables.map((table) => `DROP TABLE backup_of_${table};`)
    return () => run(`DO $$ BEGIN ${[...back, ...away].join(' ')} END $$`)
  }

  async function run(text: string): Promise<void> {
    await sql.raw(text).execute(estate.db)
  }

  const kidsOf = async (idp: TestInstance) =>
    (await idp.call('/.well-known/jwks.json')).body.keys?.map(({ kid }: { kid: string }) => kid) ?? []
  const stateOf = async (idp: TestInstance, kid: string) => {
    const { body } = await idp.manage('GET', `/api/v1/keyrings/${signing}`)
    return body.versions?.find(({ id }: { id: string }) => id === kid)?.state
  }

  async function revokeActive(idp: TestInstance): Promise<string> {
    const { body } = await idp.token(agent)
    const { kid } = decodeUnverified(body.access_token).header
    const { status } = await idp.manage('POST', `/api/v1/keyrings/${signing}/revoke`, { id: kid, reason: 'leaked' })
    assert.equal(status, 200)
    return kid
  }

  it('does not bring the key back: an instance that goes on never accepts it, and it is revoked again', async () => {
    const idp = await estate.instance()
    const restore = await backup()
    const stolen = await revokeActive(idp)
    await restore()
    const seen = new Set<string>()
    await eventually(
      async () => {
        for (const kid of await kidsOf(idp)) seen.add(kid)
        return stateOf(idp, stolen)
      },
      (state) => state === 'revoked',
    )
    assert.equal(seen.has(stolen), false)
    const { body } = await eventually(
      () => idp.token(agent),
      ({ status }) => status === 200,
    )
    assert.notEqual(decodeUnverified(body.access_token).header.kid, stolen)
  })

  it('does not bring the key back either when every instance was stopped meanwhile and has its journal', async () => {
    const journal = { REKEY_REVOCATION_JOURNAL: newPath() }
    const before = await estate.instance(journal)
    const restore = await backup()
    const stolen = await revokeActive(before)
    await before.close()
    await restore()
    const idp = await estate.instance(journal)
    assert.equal((await kidsOf(idp)).includes(stolen), false)
    await eventually(
      () => stateOf(idp, stolen),
      (state) => state === 'revoked',
    )
  })
})
