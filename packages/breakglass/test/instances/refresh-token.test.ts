import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { refreshTokenOf } from '../../src/instances/refresh-token.ts'

describe('the secret of the internal endpoints', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-refresh-'))
  after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'refresh')

  it('is the newest, from the variable or a file, read as the APIs read it', () => {
    assert.equal(refreshTokenOf({}), undefined)
    assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: '' }), undefined)
    assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: 'new,old' }), 'new')
    for (const text of ['new\nold\n', '\n new\r\n old', 'new,old\n']) {
      writeFileSync(path, text)
      assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: `file:${path}` }), 'new')
      assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN: `file://${path}` }), 'new')
      assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN_FILE: path }), 'new')
    }
    writeFileSync(path, 'one secret with blanks\n')
    assert.equal(refreshTokenOf({ INTERNAL_JWKS_REFRESH_TOKEN_FILE: path }), 'one secret with blanks')
  })

  it('is refused where two are set, a file is not there, or one is missing between commas', () => {
    const nowhere = join(folder, 'none')
    for (const [env, message] of [
      [{ INTERNAL_JWKS_REFRESH_TOKEN: 'a', INTERNAL_JWKS_REFRESH_TOKEN_FILE: nowhere }, /_FILE are both set$/],
      [{ INTERNAL_JWKS_REFRESH_TOKEN_FILE: nowhere }, /could not be read: INTERNAL_JWKS_REFRESH_TOKEN_FILE$/],
      [{ INTERNAL_JWKS_REFRESH_TOKEN: 'hush,,old' }, /^INTERNAL_JWKS_REFRESH_TOKEN: a secret is empty/],
    ] as const) {
      assert.throws(() => refreshTokenOf(env), { name: 'BreakGlassError', code: 'PLAN_INVALID', message })
    }
  })
})
