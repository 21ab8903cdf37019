import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { evidenceFiles } from '../../src/break-glass/evidence-file.ts'
import { homeOf } from '../../src/estate/home.ts'
import { temporaryFolder } from '../folder.ts'
import { noon } from '../keyring.ts'

const folder = temporaryFolder()
const home = homeOf({ REKEY_HOME: join(folder, 'home') }, '/')
const now = () => noon
const bytes = Buffer.from('sealed')

test('evidence is a new file of the home each time, closed to others', async () => {
  const keep = evidenceFiles(home, undefined, folder, now)
  const paths = [await keep('INC-42', bytes), await keep('INC-42', bytes), await keep('INC-7', bytes)]
  const names = ['INC-42-20260301T120000Z.zip', 'INC-42-20260301T120000Z-2.zip', 'INC-7-20260301T120000Z.zip']
  assert.deepEqual(
    paths,
    names.map((name) => join(home.evidenceFolder, name)),
  )
  for (const path of paths) {
    assert.equal(readFileSync(path, 'utf8'), 'sealed')
    assert.equal(statSync(path).mode & 0o777, 0o600)
  }
})

test('evidence goes where it was asked to, and never in place of what is there', async () => {
  assert.equal(await evidenceFiles(home, 'mine', folder, now)('INC-42', bytes), join(folder, 'mine'))
  assert.throws(() => evidenceFiles(home, 'mine', folder, now), { code: 'WRONG_USE', message: /exists already/ })
})

test('a file that appeared meanwhile is not written over either', async () => {
  const keep = evidenceFiles(home, 'late.zip', folder, now)
  writeFileSync(join(folder, 'late.zip'), 'of another day')
  assert.equal(await keep('INC-42', bytes), join(folder, 'late-2.zip'))
  assert.equal(readFileSync(join(folder, 'late.zip'), 'utf8'), 'of another day')
})

test('that there is no room is found before anything begins', () => {
  assert.throws(() => evidenceFiles(home, 'none/x.zip', folder, now), { code: 'WRONG_USE', message: /none/ })
  const blocked = homeOf({ REKEY_HOME: join(folder, 'blocked') }, '/')
  mkdirSync(blocked.folder)
  writeFileSync(blocked.evidenceFolder, 'a file')
  assert.throws(() => evidenceFiles(blocked, undefined, folder, now), { code: 'WRONG_USE' })
  rmSync(blocked.folder, { recursive: true })
})
