import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BackupManifest } from '@rekey/database'
import { requireRetained } from '../../src/backup/retention.ts'
import { exitCodeOf } from '../../src/error.ts'

const day = 86_400_000
const now = () => Date.parse('2026-06-30T00:00:00Z')
const asOf = (...days: number[]) =>
  ({
    databases: days.map((ago, n) => ({ name: `db-${n}`, goesBackTo: new Date(now() - ago * day).toISOString() })),
  }) as unknown as BackupManifest

test('a backup from which on everything revoked is remembered is restored', () => {
  requireRetained(asOf(29.9, 0), { env: {}, now })
  requireRetained(asOf(89), { env: { REKEY_BACKUPS_KEPT: '90d' }, now })
})

test('an older one is refused by policy, and says which database it is about', () => {
  assert.throws(
    () => requireRetained(asOf(1, 31), { env: {}, now }),
    (error: { code?: string; facts?: unknown }) => {
      assert.equal(error.code, 'BACKUP_OLD')
      assert.deepEqual(error.facts, { database: 'db-1', goesBackTo: '2026-05-30T00:00:00.000Z' })
      assert.equal(exitCodeOf(error), 4)
      return true
    },
  )
  assert.throws(() => requireRetained(asOf(2), { env: { REKEY_BACKUPS_KEPT: '1d' }, now }), { code: 'BACKUP_OLD' })
})

test('how long backups are kept is a duration, or nothing is restored', () => {
  assert.throws(() => requireRetained(asOf(1), { env: { REKEY_BACKUPS_KEPT: '30' }, now }), { code: 'WRONG_USE' })
})
