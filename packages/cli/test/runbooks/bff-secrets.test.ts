import assert from 'node:assert/strict'
import { test } from 'node:test'
import { configVariables } from '@rekey/bff'
import { assertAllThere, written } from './written.ts'

const { commands, variables } = written('bff-secrets.md')

test('every command of the runbook is there', async () => {
  assert.ok(commands.length > 8)
  await assertAllThere(commands)
})

test('every variable of the runbook is one that the backend for frontend or a command reads', () => {
  const known = new Set([...configVariables, ...configVariables.map((name) => `${name}_FILE`)])
  const unknown = variables.filter((name) => !known.has(name))
  assert.deepEqual(unknown, ['AUTO_KEY_ROTATION', 'NAME_FILE', 'REKEY_PASSWORD', 'REKEY_USERNAME'])
})
