import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readMigrations } from '../../src/migrations/files.ts'
import { refused } from '../refused.ts'
import { sourceOf } from './folder.ts'

test('files are read in the order of their numbers, sources in the order given', async (t) => {
  const above = await sourceOf(t, { '0001-above.sql': 'SELECT 1' }, 'above')
  const below = await sourceOf(
    t,
    { '0010-third.sql': '', '0002-second.sql': '-- breaking\n', '0001-first.sql': '' },
    'below',
  )
  const read = await readMigrations([below, above])
  assert.deepEqual(
    read.map(({ package: name, number, breaking }) => [name, number, breaking]),
    [
      ['below', 1, false],
      ['below', 2, true],
      ['below', 10, false],
      ['above', 1, false],
    ],
  )
})

test('a checkout with the line ends of Windows has the same checksums', async (t) => {
  const unix = await readMigrations([await sourceOf(t, { '0001-a.sql': 'SELECT 1;\nSELECT 2;\n' })])
  const windows = await readMigrations([await sourceOf(t, { '0001-a.sql': 'SELECT 1;\r\nSELECT 2;\r\n' })])
  const other = await readMigrations([await sourceOf(t, { '0001-a.sql': 'SELECT 1;\nSELECT 3;\n' })])
  assert.equal(unix[0]?.checksum, windows[0]?.checksum)
  assert.notEqual(unix[0]?.checksum, other[0]?.checksum)
})

const unusable: [string, Record<string, string>][] = [
  ['a name without a number', { 'first.sql': '' }],
  ['a number with too few digits', { '1-first.sql': '' }],
  ['two files with one number', { '0001-a.sql': '', '0001-b.sql': '' }],
  ['a file that commits', { '0001-a.sql': 'CREATE TABLE a ();\nCOMMIT;\nSELECT 1;' }],
  ['a file that begins a transaction', { '0001-a.sql': 'begin transaction;' }],
]
for (const [what, files] of unusable) {
  test(`${what} is refused`, async (t) => {
    await refused(readMigrations([await sourceOf(t, files)]), 'MIGRATION_INVALID')
  })
}

test('the body of a function may have BEGIN and END', async (t) => {
  const sql = 'DO $$\nBEGIN\n  PERFORM 1;\nEND\n$$;\nDO $$\nBEGIN\n  PERFORM 1;\nEND;\n$$;'
  assert.equal((await readMigrations([await sourceOf(t, { '0001-a.sql': sql })])).length, 1)
})

test('a folder that does not exist is refused', async () => {
  await refused(readMigrations([{ package: 'gone', folder: new URL('./gone/', import.meta.url) }]), 'MIGRATION_INVALID')
})
