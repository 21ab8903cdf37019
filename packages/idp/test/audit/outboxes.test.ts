import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { changeKeyring, defaultPolicy, directoryStore, newKeyring, outboxOf } from '@rekey/keyring'
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

  /** A store with one keyring that was changed so many times. */
  async function store(name: string, changes: number) {
    const folder = join(root, name)
    let now = Date.UTC(2026, 0, 1)
    const kept = directoryStore(folder, () => now)
    const about = (n: number) => ({ action: `test.${name}`, actor: 'somebody', details: { n } })
    await kept.save(undefined, newKeyring('elsewhere', 'shared-secret', 'HS256', defaultPolicy), about(1))
    for (let n = 2; n <= changes; n += 1) {
      now += 1_000
      await changeKeyring(
        kept,
        'elsewhere',
        (keyring) => ({ ...keyring, policy: { ...keyring.policy, skewMs: n } }),
        about(n),
      )
    }
    return folder
  }

  test('are events of the audit, in their order and of their time, wherever they were made', async () => {
    const folders = [await store('first', 3), await store('second', 1), join(root, 'not-there-yet')]
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
