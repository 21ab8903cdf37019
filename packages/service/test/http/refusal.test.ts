import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { SecretsError, type SecretsErrorCode } from '@rekey/secrets'
import { refusalOf } from '../../src/http/refusal.ts'

describe('a secret that is outside the database and not to be had', () => {
  const told: [SecretsErrorCode, number][] = [
    ['VAULT_UNAVAILABLE', 503],
    ['SOURCE_UNAVAILABLE', 503],
    ['VAULT_REFUSED', 500],
    ['SOURCE_MISSING', 500],
    ['SOURCE_NOT_WRITABLE', 500],
  ]
  for (const [code, status] of told) {
    test(`is refused by ${code} as ${status}, and it is said when to come again if it passes by itself`, () => {
      const refusal = refusalOf(new SecretsError(code, 'Vault is sealed'))
      assert.partialDeepStrictEqual(refusal, { status, code, message: 'Vault is sealed' })
      assert.equal(refusal.headers?.['retry-after'], status === 503 ? '1' : undefined)
    })
  }
})
