import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { inspect } from 'node:util'
import fc from 'fast-check'
import { SecretsError } from '../../src/error.ts'
import { secretSource } from '../../src/sources/open.ts'

const hex = '0123456789abcdef'.repeat(4)
const vault = { VAULT_ADDR: 'http://127.0.0.1:8200', VAULT_TOKEN: 'hvs.x' }

function refusal(text: string, env: NodeJS.ProcessEnv = vault): SecretsError {
  try {
    secretSource(text, env).close()
  } catch (error) {
    if (error instanceof SecretsError) return error
    throw error
  }
  return assert.fail(`${text} was taken for a source`)
}

describe('a source of secrets', () => {
  for (const text of ['', 'ROOT', 'env:', 'http://example.com/key', 'ENV:ROOT', 'toString:x', 'constructor:x']) {
    test(`is not named by ${JSON.stringify(text)}`, () => {
      assert.equal(refusal(text).code, 'SOURCE_INVALID')
    })
  }

  test('is not named by the value itself, in whatever form, and that is not repeated', () => {
    const base64 = Buffer.from(hex, 'hex').toString('base64')
    const values = [
      hex,
      hex.toUpperCase(),
      `0x${hex}`,
      hex.slice(32),
      base64,
      `sk_live_${hex}`,
      `whsec_${base64}`,
      'hvs.CAESIJ',
    ]
    for (const value of values) {
      for (const text of [
        value,
        `env:${value}`,
        `file:${value}`,
        `vault:${value}`,
        `exec:${value}`,
        `file:${value}\n`,
      ]) {
        const error = refusal(text)
        assert.equal(error.code, 'SOURCE_INVALID')
        assert.ok(!inspect(error, { showHidden: true }).includes(value), text)
      }
    }
  })

  test('whose name is refused is not told by it: it may be a secret that nobody thought of', () => {
    fc.assert(
      fc.property(fc.constantFrom('env', 'exec', 'vault', ''), fc.string({ minLength: 8 }), (scheme, name) => {
        try {
          secretSource(`${scheme}:${name}`, vault).close()
        } catch (error) {
          assert.ok(error instanceof SecretsError)
          assert.ok(!error.message.includes(name.trim()) || name.trim() === '', error.message)
        }
      }),
    )
  })

  test('in the environment is a variable, which nobody can change', async () => {
    const source = secretSource('env:KEYS', { KEYS: 'new, old', EMPTY: ' ' })
    assert.deepEqual(await source.values(), ['new', 'old'])
    assert.equal(await source.isWritable(), false)
    for (const change of [() => source.add('x'), () => source.remove('old')]) {
      await assert.rejects(change(), { code: 'SOURCE_NOT_WRITABLE', message: /env:KEYS/ })
    }
    await assert.rejects(secretSource('env:OTHER', {}).values(), {
      code: 'SOURCE_MISSING',
      message: /env:OTHER is not set/,
    })
    await assert.rejects(secretSource('env:EMPTY', { EMPTY: ' ' }).values(), { code: 'SOURCE_INVALID' })
    assert.equal(refusal('env:NOT-A-NAME').code, 'SOURCE_INVALID')
  })

  test('in Vault needs a Vault, and a path that is one', () => {
    assert.match(refusal('vault:keys', {}).message, /VAULT_ADDR/)
    assert.equal(refusal('vault:keys', { VAULT_ADDR: 'http://127.0.0.1:8200' }).code, 'VAULT_SETTINGS_INVALID')
    assert.match(refusal('vault:keys', { ...vault, VAULT_ADDR: 'ftp://x' }).message, /^VAULT_ADDR: /)
    const exposed = { ...vault, VAULT_ADDR: 'http://vault.example' }
    assert.match(refusal('vault:keys', exposed).message, /plaintext/)
    secretSource('vault:keys', { ...exposed, REKEY_ALLOW_PLAINTEXT: 'true', VAULT_NAMESPACE: '' }).close()
    for (const path of ['#field', '/', '../x', 'a/../b', 'a//b', 'a?x', 'a%2f', 'a b', 'a#', 'a#b#c', '.', 'a/.']) {
      assert.equal(refusal(`vault:${path}`).code, 'SOURCE_INVALID', path)
    }
  })
})
