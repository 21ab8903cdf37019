import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { readGiven } from '../src/given-file.ts'
import { temporaryFolder } from './folder.ts'

const folder = temporaryFolder()

test('a file is read as the command line names it: from the current folder', () => {
  writeFileSync(join(folder, 'given'), 'text')
  assert.equal(readGiven('given', { folder }).toString(), 'text')
  assert.equal(readGiven(join(folder, 'given'), { folder: '/' }).toString(), 'text')
})

test('one that cannot be read is wrong use, with the whole path and the reason of the system', () => {
  const path = join(folder, 'none')
  const wrong = { code: 'WRONG_USE', message: `${path} cannot be read (ENOENT)`, facts: { path } }
  assert.throws(() => readGiven('none', { folder }), wrong)
  assert.throws(
    () => readGiven('none', { folder }),
    ({ cause }: Error) => (cause as NodeJS.ErrnoException).code === 'ENOENT',
  )
  assert.throws(() => readGiven('.', { folder }), { code: 'WRONG_USE', message: `${folder} cannot be read (EISDIR)` })
})
