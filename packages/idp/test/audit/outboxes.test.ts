import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { outboxOf } from '@rekey/keyring'
import { changedIn } from '@rekey/keyring/testing'
import { type Estate, eventually, startEstate } from '../estate.ts'
import { auditReader } from './reading.ts'

describe('changes of keyrings that are kept in folders', { timeout: 60_000 }, () => {
  let estate: Estate
  let root: string

  before(async () => {
    estate = await startEstate()
    root = await mkdtemp(join(tmpdir(), 'rekey-outboxes-'))
  })
  after(async () => {
    await estate.stop()
    await rm(root, { recursive: true })
  })

  /** @returns a folder with a keyring whose changes are told by that name */
  async function changed(name: string, times: number): Promise<string> {
    const folder = join(root, name)
    await changedIn(folder, `test.${name}`, times)
    return folder
  }

  test('are events of the audit, in their order and of their time, wherever they were made', async () => {
    const folders = [await changed('first', 3), await changed('second', 1), join(root, 'not-there-yet')]
    const idp = await estate.instance({ REKEY_AUDIT_OUTBOXES: folders.join(':') })
    const audit = await auditReader(idp)
    const events = await audit.until({ action: 'test.first', order: 'oldest' }, 3)
    assert.deepEqual(
      events.map(({ at, actor, outcome, details }) => [
        at,
        actor,
        outcome,
        details.keyring,
        details.revision,
        details.n,
      ]),
      [
        ['2026-01-01T00:00:00.000Z', 'somebody', 'success', 'elsewhere', 1, 1],
        ['2026-01-01T00:00:01.000Z', 'somebody', 'success', 'elsewhere', 2, 2],
        ['2026-01-01T00:00:02.000Z', 'somebody', 'success', 'elsewhere', 3, 3],
      ],
    )
    await audit.until({ action: 'test.second' })
    for (const folder of folders)
      await eventually(
        () => outboxOf(folder).pending(),
        (entries) => entries.length === 0,
      )
    await idp.close()
  })
})
