import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { connect, databaseKeyringStore } from '@rekey/database'
import { backupOf } from '@rekey/database/testing'
import type { Version } from '@rekey/keyring'
import type { BffTables } from '../../src/tables.ts'
import { type BffEstate, bffEstate, browser, eventually, operate } from '../bff.ts'

describe('a backup that is older than a revocation', { timeout: 120_000 }, () => {
  /** Somebody is logged in, in the database and in a backup of it. */
  async function backedUp(t: TestContext, own = (_estate: BffEstate): NodeJS.ProcessEnv => ({})) {
    const estate = await bffEstate(t)
    const bff = await estate.start(own(estate))
    const owner = connect<BffTables>(estate.database.ownerUrl, { max: 1 })
    t.after(() => owner.close())
    const user = browser()
    assert.equal(await logIn(estate, user), 200)
    const restore = await backupOf(owner.db, ['revision', 'changes', 'keyrings', 'sessions'])
    const sessions = async () => (await owner.db.selectFrom('sessions').select('sealed_by').execute()).length
    const store = databaseKeyringStore(owner.db)
    const version = async (isIt: (version: Version) => boolean) => (await store.load('session'))?.versions.find(isIt)
    return { estate, bff, user, restore, sessions, version }
  }

  const statusOf = async ({ publicUrl }: BffEstate, user: ReturnType<typeof browser>) =>
    (await user.go(`${publicUrl}/auth/session`)).status

  async function logIn(estate: BffEstate, user: ReturnType<typeof browser>): Promise<number> {
    await user.go(`${estate.publicUrl}/auth/login`)
    return statusOf(estate, user)
  }

  async function revokeActive({ bff, version }: Awaited<ReturnType<typeof backedUp>>): Promise<string> {
    const { id = '' } = (await version(({ state }) => state === 'active')) ?? {}
    await operate(bff, 'POST', '/keyrings/session/revoke', { id, reason: 'leaked' })
    return id
  }

  /** @returns what the user was answered until then */
  async function untilRevokedAgain(
    { estate, user, sessions, version }: Awaited<ReturnType<typeof backedUp>>,
    stolen: string,
  ): Promise<Set<number>> {
    const answers = new Set<number>()
    await eventually(
      async () => {
        answers.add(await statusOf(estate, user))
        return [(await version(({ id }) => id === stolen))?.state, await sessions()]
      },
      ([state, left]) => state === 'revoked' && left === 0,
    )
    return answers
  }

  it('does not bring it back: an instance that goes on refuses it, revokes it again, and ends the sessions again', async (t) => {
    const setting = await backedUp(t)
    const { estate, user, restore, sessions } = setting
    const stolen = await revokeActive(setting)
    assert.equal(await eventually(sessions, (left) => left === 0), 0)
    await restore()
    assert.equal(await sessions(), 1)
    const answers = await untilRevokedAgain(setting, stolen)
    assert.equal(answers.has(200), false)
    assert.equal(await statusOf(estate, user), 401)
    assert.equal(await logIn(estate, user), 200)
  })

  it('does not bring it back either when every instance was stopped meanwhile and has its journal', async (t) => {
    const journal = ({ folder }: BffEstate) => ({ REKEY_REVOCATION_JOURNAL: join(folder, 'revocations.jsonl') })
    const setting = await backedUp(t, journal)
    const { estate, bff, user, restore } = setting
    const stolen = await revokeActive(setting)
    await bff.close()
    await restore()
    await estate.start({ ...journal(estate), REKEY_PORT: new URL(estate.publicUrl).port })
    const answers = await untilRevokedAgain(setting, stolen)
    assert.equal(answers.has(200), false)
    assert.equal(await logIn(estate, user), 200)
  })
})
