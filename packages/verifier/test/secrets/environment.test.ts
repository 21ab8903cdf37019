import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { newestSecret, secretFromEnvironment } from '../../src/secrets/environment.ts'

describe('a secret from the environment', () => {
  it('is the variable, or the file that its sister names', () => {
    assert.equal(secretFromEnvironment({ TOKEN: 'new,old' }, 'TOKEN'), 'new,old')
    assert.equal(secretFromEnvironment({ TOKEN: 'file:/run/token' }, 'TOKEN'), 'file:/run/token')
    assert.deepEqual(secretFromEnvironment({ TOKEN_FILE: '/run/token' }, 'TOKEN'), { file: '/run/token' })
  })

  it('is none when nothing is set, or only to nothing', () => {
    for (const env of [{}, { TOKEN: '' }, { TOKEN: ' ' }, { TOKEN: undefined }, { TOKEN_FILE: '' }, { OTHER: 'x' }]) {
      assert.equal(secretFromEnvironment(env, 'TOKEN'), undefined)
    }
    assert.equal(secretFromEnvironment({}, 'constructor'), undefined)
    assert.deepEqual(secretFromEnvironment({ TOKEN: '', TOKEN_FILE: '/a' }, 'TOKEN'), { file: '/a' })
  })

  it('is refused when it stands in both, with the names of both', () => {
    const both = { TOKEN: 'hush', TOKEN_FILE: '/a' }
    assert.throws(() => secretFromEnvironment(both, 'TOKEN'), /^TypeError: TOKEN and TOKEN_FILE are both set$/)
  })
})

describe('the newest secret of the environment', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rekey-secret-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')

  it('stands first in the variable, or in the file, which is read anew each time', () => {
    assert.equal(newestSecret({}, 'TOKEN'), undefined)
    assert.equal(newestSecret({ TOKEN: ' new , old' }, 'TOKEN'), 'new')
    for (const text of ['new\nold\n', '\uFEFFnew\r\nold', 'new,old', 'with a blank\nold']) {
      writeFileSync(file, text)
      const first = text.includes('blank') ? 'with a blank' : 'new'
      assert.equal(newestSecret({ TOKEN: `file:${file}` }, 'TOKEN'), first)
      assert.equal(newestSecret({ TOKEN_FILE: file }, 'TOKEN'), first)
    }
  })

  it('is refused with the name of the variable, and without what stands there', () => {
    const nowhere = join(folder, 'none')
    assert.throws(() => newestSecret({ TOKEN: 'hush,' }, 'TOKEN'), /^TypeError: TOKEN: a secret is empty(?!.*hush)/)
    assert.throws(() => newestSecret({ TOKEN_FILE: nowhere }, 'TOKEN'), {
      code: 'secrets_failed',
      message: /: TOKEN_FILE$/,
    })
  })
})
