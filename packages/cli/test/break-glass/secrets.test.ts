import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { oldTokenOf, refreshTokenOf } from '../../src/break-glass/secrets.ts'
import { temporaryFolder } from '../folder.ts'

const folder = temporaryFolder()
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('the newest secret of the internal endpoints is taken, from the variable or a file', () => {
  assert.equal(refreshTokenOf({}), undefined)
  assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: '' }), undefined)
  assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: 'new,old' }), 'new')
  const path = file('refresh', 'new\nold\n')
  assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: `file:${path}` }), 'new')
  assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN_FILE: path }), 'new')
})

test('two of them, and a file that is not there, are wrong use', () => {
  const both = { INTERNAL_JWKS_REFRESH_TOKEN: 'a', INTERNAL_JWKS_REFRESH_TOKEN_FILE: '/b' }
  assert.throws(() => refreshTokenOf(both), { code: 'WRONG_USE', message: /which one is meant/ })
  assert.throws(() => refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN_FILE: join(folder, 'none') }), {
    code: 'WRONG_USE',
    message: /cannot be read \(ENOENT\)/,
  })
})

test('an old token is read from its file, and what is none is not repeated', () => {
  file('token', ' aaa.bbb.c-c_c\n')
  file('none', 'hunter2 hunter2')
  assert.equal(oldTokenOf('token', folder), 'aaa.bbb.c-c_c')
  assert.throws(
    () => oldTokenOf('none', folder),
    (error: Error) => !error.message.includes('hunter2'),
  )
})
