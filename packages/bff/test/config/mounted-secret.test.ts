import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { eventually } from '@rekey/database/testing'
import { every } from '@rekey/service'
import { secretSource } from '../../src/config/source.ts'

/** A mounted Secret: its files are links into `..data`, which is a link to the folder of the version of now. */
async function mounted() {
  const folder = await mkdtemp(join(tmpdir(), 'rekey-mounted-'))
  let version = 0
  const data = join(folder, '..data')

  async function replace(text: string): Promise<void> {
    version += 1
    const name = `..2026_03_01_${version}`
    await mkdir(join(folder, name))
    await writeFile(join(folder, name, 'salt'), text)
    await symlink(name, `${data}_tmp`)
    await rename(`${data}_tmp`, data)
    await rm(join(folder, `..2026_03_01_${version - 1}`), { recursive: true, force: true })
  }

  await replace('the first one')
  await symlink(join('..data', 'salt'), join(folder, 'salt'))
  return { folder, replace }
}

describe('a Secret that Kubernetes mounts', () => {
  test('is read again when the kubelet replaces it', async (t) => {
    const { folder, replace } = await mounted()
    t.after(() => rm(folder, { recursive: true }))
    const source = secretSource({ TOKEN_HASH_SALT_FILE: join(folder, 'salt') }, 'TOKEN_HASH_SALT')
    assert.equal(source?.current(), 'the first one')
    const told: string[] = []
    const stop = source.watch((text) => told.push(text), { every, warn: (message) => assert.fail(message) })
    t.after(stop)
    for (const text of ['the second one', 'the third one']) {
      await replace(text)
      await eventually(
        async () => source.current(),
        (now) => now === text,
      )
    }
    assert.deepEqual(told, ['the second one', 'the third one'])
  })
})
