import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { disk } from '../../src/files/disk.ts'
import { folderOf } from '../../src/files/folder.ts'
import { type ClientOptions, optionsFromEnvironment } from '../../src/index.ts'

describe('a key that waits in its folder', () => {
  it('is none once another process has put it in place, also between two looks at one file', async (t) => {
    const path = await mkdtemp(join(tmpdir(), 'rekey-folder-'))
    t.after(() => rm(path, { recursive: true }))
    const options = optionsFromEnvironment({
      DCR_ENABLED: 'true',
      IDP_BASE_URL: 'http://localhost',
      DCR_SIGNING_KEY: join(path, 'client.pem'),
      BFF_CLIENT_CRED_PATH: join(path, 'client.json'),
      DCR_REDIRECT_URIS: 'http://localhost/callback',
    }) as ClientOptions
    const other = folderOf(options, disk)
    const { thumbprint } = await other.makeNextKey()
    const read: typeof disk.read = async (file) => {
      const text = await disk.read(file)
      if (file.endsWith('.next')) await other.promote()
      return text
    }
    assert.equal(await folderOf(options, { ...disk, read }).nextKey(), undefined)
    assert.equal((await other.key())?.thumbprint, thumbprint)
  })
})
