import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { secretFromEnvironment } from '../../src/secrets/environment.ts'

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
