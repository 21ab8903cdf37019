import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { rowsFrame, textFrame } from '../../src/backup/frames.ts'
import { verifyBackup } from '../../src/backup/read.ts'

const begin = textFrame({ kind: 'backup', form: 1, release: '1.0.0' })
const header = {
  name: 'idp',
  takenAt: '2026-01-01T00:00:00.000Z',
  goesBackTo: '2026-01-01T00:00:00.000Z',
  ...{ epoch: 1, revision: 1, chained: 0 },
  ...{ migrations: [], serviceRoles: [], rootKeys: [], sequences: [] },
  tables: [{ name: 'a', columns: ['x'] }],
}
const manifest = {
  form: 1,
  release: '1.0.0',
  databases: [{ ...header, rows: [], needs: { rootKeys: [], columnKeys: [] } }],
}

const madeUp: Record<string, readonly Buffer[]> = {
  'a text that is null': [textFrame(null)],
  'a database without a head': [textFrame({ kind: 'database' })],
  'a head of other members': [textFrame({ kind: 'database', header: { name: 'idp', tables: 'all' } })],
  'an end without a manifest': [textFrame({ kind: 'end' })],
  'a manifest of nothing': [textFrame({ kind: 'end', manifest: {} })],
  'no database at all': [textFrame({ kind: 'end', manifest: { ...manifest, databases: [] } })],
  'a table that never comes': [textFrame({ kind: 'database', header }), textFrame({ kind: 'end', manifest })],
  'rows of no table': [rowsFrame(Buffer.from('1\n'))],
}

for (const [what, frames] of Object.entries(madeUp)) {
  test(`A backup with ${what} is damaged, whatever its checksum says`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'rekey-made-up-'))
    t.after(() => rm(folder, { recursive: true }))
    const path = join(folder, 'backup')
    await writeFile(path, gzipSync(Buffer.concat([begin, ...frames])))
    await assert.rejects(verifyBackup(path), { code: 'BACKUP_DAMAGED' })
  })
}
