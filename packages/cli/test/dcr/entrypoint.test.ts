import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { freePort } from '@rekey/database/testing'
import { executable } from '../up.ts'
import { type Scene, scene } from './scene.ts'

describe('as the entrypoint of a container', () => {
  let s: Scene
  before(async () => {
    s = await scene()
  })
  after(() => s.end())

  async function entered(env: Record<string, string>, ...words: string[]) {
    const child = spawn(process.execPath, [executable, 'dcr', 'bootstrap', ...words], {
      env: { PATH: process.env.PATH ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [stdout, stderr] = [child.stdout.toArray(), child.stderr.toArray()]
    const [code] = await once(child, 'close')
    return { code, stdout: Buffer.concat(await stdout).toString(), stderr: Buffer.concat(await stderr).toString() }
  }

  it('registers, then does nothing; a line on stdout says what came of it, the log is on stderr', async () => {
    const bff = s.service('entered')
    const first = await entered({ ...bff.env, DCR_IAT: await s.iat() })
    assert.equal(first.code, 0, first.stderr)
    assert.equal(first.stdout, 'entered is registered, and signs by the key bff-sig-001.\n')
    const second = await entered(bff.env)
    assert.equal(second.stdout, 'entered is registered, and goes on signing by the key bff-sig-001.\n')
    const third = await entered({ ...bff.env, BFF_JWK_ROTATE_AFTER_DAYS: '0' })
    assert.match(third.stderr, /^JWKS rotated successfully/m)
    assert.match(third.stdout, /^entered signs by a new key from now on: bff-sig-001-\d{10}-[0-9a-f]{4}\.\n$/)
  })

  it('is told by options too, which go before the environment', async () => {
    const bff = s.service('by-environment')
    const words = ['--client-id', 'by-option', '--kid', 'other', '--redirect-uris', 'https://bff.example.com/option']
    const { code, stdout, stderr } = await entered({ ...bff.env, DCR_IAT: await s.iat() }, ...words, '--json')
    assert.equal(code, 0, stderr)
    const { clientId, kid } = JSON.parse(stdout)
    assert.deepEqual([clientId, kid], ['by-option', 'other'])
    const { metadata } = await s.idp.json('dcr', 'client', 'show', 'by-option')
    assert.deepEqual(metadata.redirect_uris, ['https://bff.example.com/option'])
  })

  it('ends with 3 where the IdP is away, and with 0 where that is allowed', { timeout: 60_000 }, async () => {
    const away = {
      ...s.service('away').env,
      IDP_BASE_URL: `http://localhost:${await freePort()}`,
      DCR_IAT: 'rki_unused',
    }
    const { code, stdout } = await entered(away, '--json')
    assert.deepEqual([code, JSON.parse(stdout).code], [3, 'IDP_UNREACHABLE'])
    const allowed = await entered({ ...away, ALLOW_BOOTSTRAP_FAILURE: 'true' })
    assert.equal(allowed.code, 0)
    assert.match(allowed.stderr, /IDP_UNREACHABLE/)
  })
})
