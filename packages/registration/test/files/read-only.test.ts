import assert from 'node:assert/strict'
import { chmod, chown, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { ensureRegistered, optionsFromEnvironment } from '../../src/index.ts'
import { atModern } from '../at-modern.ts'
import { environment, start, stored } from '../client.ts'
import { ADMIN } from '../foreign/modern.ts'

const NOBODY = 65_534
const rotateNow = { BFF_JWK_ROTATE_AFTER_DAYS: '0' }

describe('a key folder that is read-only', () => {
  const at = atModern()

  /** Acts while nothing can be written to the folder; root has to be somebody else for that. */
  async function readOnly<T>(act: () => Promise<T>): Promise<T> {
    const { folder } = at.setting
    const isRoot = process.geteuid?.() === 0
    if (isRoot) for (const name of await readdir(folder)) await chown(join(folder, name), NOBODY, NOBODY)
    if (isRoot) await chown(folder, NOBODY, NOBODY)
    await chmod(folder, 0o500)
    if (isRoot) process.seteuid?.(NOBODY)
    try {
      return await act()
    } finally {
      if (isRoot) process.seteuid?.(0)
      await chmod(folder, 0o700)
    }
  }

  it('is enough while everything is as it should be', async () => {
    const first = await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const before = await readdir(at.setting.folder)
    at.modern.log.length = 0
    const again = await readOnly(() => start(at.setting))
    assert.deepEqual([again.outcome, again.clientId, again.kid], ['unchanged', first.clientId, first.kid])
    assert.deepEqual(at.modern.log, ['GET 200'])
    assert.deepEqual(await readdir(at.setting.folder), before)
  })

  const due: Record<string, Record<string, string>> = {
    'a rotation': rotateNow,
    'a change of redirect URIs': { DCR_REDIRECT_URIS: 'https://other.example/cb' },
  }
  for (const [what, env] of Object.entries(due)) {
    it(`is FILE_FAILED where ${what} is due, and nothing is changed`, async () => {
      await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
      at.modern.log.length = 0
      await assert.rejects(
        readOnly(() => start(at.setting, env)),
        { code: 'FILE_FAILED', message: /\.lock-.*EACCES/ },
      )
      assert.deepEqual(at.modern.log, ['GET 200'])
    })
  }

  it('is FILE_FAILED before a registration access token is asked for that could not be kept', async () => {
    await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const { registration_access_token: token } = await stored(at.setting)
    at.modern.instead = ({ method, headers }) =>
      method === 'GET' && headers.authorization === `Bearer ${token}` ? { status: 401, body: {} } : undefined
    at.modern.log.length = 0
    await assert.rejects(
      readOnly(() => start(at.setting, { BOOTSTRAP_ADMIN_TOKEN: ADMIN })),
      { code: 'FILE_FAILED' },
    )
    assert.deepEqual(at.modern.log, ['GET 401'])
  })

  it('is FILE_FAILED before an initial access token is used', async () => {
    const env = { DCR_IAT: await at.modern.behind.iat() }
    await assert.rejects(
      readOnly(() => start(at.setting, env)),
      { code: 'FILE_FAILED' },
    )
    assert.deepEqual(at.modern.log, [])
  })
})

describe('a key folder that goes away during a start', () => {
  const at = atModern()

  it('is FILE_FAILED, which ALLOW_BOOTSTRAP_FAILURE allows', async () => {
    await start(at.setting, { DCR_IAT: await at.modern.behind.iat() })
    const vanishing: typeof fetch = async (url, init) => {
      await rm(at.setting.folder, { recursive: true })
      return fetch(url, init)
    }
    const env = environment(at.setting, { ...rotateNow, ALLOW_BOOTSTRAP_FAILURE: 'true' })
    const ports = { fetch: vanishing, log: () => undefined }
    const result = await ensureRegistered(optionsFromEnvironment(env), ports)
    assert.equal(result.outcome === 'failed' && result.error.code, 'FILE_FAILED')
  })
})
