/** No secret is forgotten: each variable that may hold one is in the inventory, or it is said why not. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { configVariables as bffVariables } from '@rekey/bff'
import { configVariables as idpVariables } from '@rekey/idp'
import { redactValue } from '@rekey/redact'
import { variableUses as bffUses } from '../../packages/bff/src/inventory/variables.ts'
import { variableUses as idpUses } from '../../packages/idp/src/inventory/variables.ts'
import { root } from '../repository.ts'

/** By the names that redaction takes for those of secrets, and by more: an address may have a password in it. */
function maySound(name: string): boolean {
  const plain = name.replace(/^REKEY_|_FILE$/g, '')
  const isHidden =
    (redactValue({ [plain]: 'x7-and-nothing-else' }) as Record<string, string>)[plain] !== 'x7-and-nothing-else'
  return isHidden || /KEY|SECRET|TOKEN|PASSW|SALT|CRED(?!ENTIAL_(ROTATION|QUIET))|_IAT$|^DATABASE_.*URL$/.test(plain)
}

/** The APIs' own, and where the inventory has them. */
const apiUses: Readonly<Record<string, unknown>> = {
  REKEY_TRUST_CLIENT_SECRET: { listedAs: 'verifier-secret of the identity provider' },
  DEMO_TRUST_CLIENT_SECRET: { listedAs: 'verifier-secret of the identity provider' },
  INTERNAL_JWKS_REFRESH_TOKEN: { listedAs: 'refresh-token of the identity provider' },
  REKEY_JWT_HS256_SECRET: { listedAs: 'shared-secret of the backend for frontend; otherwise it is declared' },
  FLUXLIT_JWT_HS256_SECRET: { listedAs: 'the same' },
}

const forgotten = (variables: readonly string[], uses: Readonly<Record<string, unknown>>) =>
  variables.filter((name) => maySound(name) && uses[name.replace(/_FILE$/, '')] === undefined)

describe('every variable that sounds as if it held a secret is in the inventory, or it is said what it is', () => {
  it('of the identity provider', () => {
    assert.deepEqual(forgotten(idpVariables, idpUses), [])
  })

  it('of the backend for frontend', () => {
    assert.deepEqual(forgotten(bffVariables, bffUses), [])
  })

  it('of APIs', () => {
    const folders = ['packages/verifier/src', 'examples/api', 'examples/demo']
    const texts = folders.flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => /\.ts$/.test(file) && !file.includes('node_modules'))
        .map((file) => readFileSync(join(root, folder, file), 'utf8')),
    )
    const named = texts.flatMap((text) => [
      ...text.matchAll(/\benv\.([A-Z][A-Z0-9_]+)|'((?:REKEY|INTERNAL|FLUXLIT)_[A-Z0-9_]*[A-Z0-9])'/g),
    ])
    const variables = [...new Set(named.map(([, first, second]) => first ?? second ?? ''))]
    assert.ok(variables.includes('REKEY_TRUST_CLIENT_SECRET'), 'the sources were read')
    assert.deepEqual(forgotten(variables, apiUses), [])
  })

  it('and nothing is said of variables that nobody reads', () => {
    const unread = (uses: object, variables: readonly string[]) =>
      Object.keys(uses).filter((name) => !variables.includes(name) && !variables.includes(`${name}_FILE`))
    assert.deepEqual([unread(idpUses, idpVariables), unread(bffUses, bffVariables)], [[], []])
  })

  it('and a new one would be noticed', () => {
    assert.deepEqual(forgotten(['REKEY_SMTP_PASSWORD', 'REKEY_SMTP_PASSWORD_FILE', 'REKEY_SMTP_HOST'], idpUses), [
      'REKEY_SMTP_PASSWORD',
      'REKEY_SMTP_PASSWORD_FILE',
    ])
  })
})
