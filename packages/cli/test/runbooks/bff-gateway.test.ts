import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configVariables } from '@rekey/bff'
import { assertAllThere, written } from './written.ts'

const root = new URL('../../../../', import.meta.url)
const { text, commands, variables } = written('bff-gateway.md')

test('every command of the runbook is there', async () => {
  assert.ok(commands.length > 8)
  await assertAllThere(commands)
})

test('every variable of the runbook is one that the backend for frontend reads', () => {
  const known = new Set([...configVariables, ...configVariables.map((name) => `${name}_FILE`)])
  const ofVerifiers = /^(REKEY|FLUXLIT)_JWT_HS256_SECRET(_FILE)?$/
  const unknown = variables.filter((name) => !known.has(name) && !ofVerifiers.test(name))
  assert.deepEqual(unknown, ['GIVEN_ELSEWHERE', 'JWKS_URL', 'NAME_FILE'])
})

test('every test that the runbook names is there, under that name', () => {
  const rows = [...text.matchAll(/^\|[^|]*\| `([\w./-]+\.test\.ts)`: (.+) \|$/gm)]
  assert.ok(rows.length > 25)
  for (const [, file = '', name = ''] of rows) {
    const source = readFileSync(fileURLToPath(new URL(file, root)), 'utf8')
    assert.ok(source.includes(`'${name}'`), `${file}: ${name}`)
  }
})
