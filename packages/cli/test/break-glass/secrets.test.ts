import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { refreshTokenOf } from '@rekey/breakglass'
import { told } from '../../src/break-glass/errors.ts'
import { oldTokenOf } from '../../src/break-glass/secrets.ts'
import { temporaryFolder } from '../folder.ts'

const folder = temporaryFolder()
const file = (name: string, text: string) => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

test('an old token is read from its file, and what is none is not repeated', () => {
  file('token', ' aaa.bbb.c-c_c\n')
  file('none', 'hunter2 hunter2')
  assert.equal(oldTokenOf('token', folder), 'aaa.bbb.c-c_c')
  assert.throws(
    () => oldTokenOf('none', folder),
    (error: Error) => !error.message.includes('hunter2'),
  )
  const message = `${join(folder, 'nowhere')} cannot be read (ENOENT)`
  assert.throws(() => oldTokenOf('nowhere', folder), { code: 'WRONG_USE', message })
})

test('a secret of the internal endpoints that cannot be read is wrong use', async () => {
  const env = { INTERNAL_JWKS_REFRESH_TOKEN_FILE: join(folder, 'nowhere') }
  await assert.rejects(
    told(async () => refreshTokenOf(env)),
    { code: 'WRONG_USE', message: /could not be read: INTERNAL_JWKS_REFRESH_TOKEN_FILE/ },
  )
})
