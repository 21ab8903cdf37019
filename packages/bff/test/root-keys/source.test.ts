import assert from 'node:assert/strict'
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { rootKeyIds } from '@rekey/database'
import { bffEstate, operate } from '../bff.ts'

const key = '0b'.repeat(32)

test('the root key may come from a program, and without it nothing starts', { timeout: 60_000 }, async (t) => {
  const estate = await bffEstate(t)
  const program = join(estate.folder, 'root-key')
  const prints = async (text: string) => {
    await writeFile(program, `#!/bin/sh\n${text}\n`)
    await chmod(program, 0o700)
  }
  await prints('exit 1')
  await assert.rejects(estate.start({ REKEY_ROOT_KEY: `exec:${program}` }), {
    code: 'ROOT_KEY_UNAVAILABLE',
    message: /exit code 1/,
  })
  await prints(`echo ${key}`)
  const one = await estate.start({ REKEY_ROOT_KEY: `exec:${program}` })
  const { keys } = await operate(one, 'GET', '/root-keys')
  assert.deepEqual(
    keys.map(({ id }: { id: string }) => id),
    rootKeyIds(key),
  )
})
