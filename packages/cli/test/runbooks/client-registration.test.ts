import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { assertAllThere, written } from './written.ts'

const { text: runbook, commands } = written('client-registration.md')

test('every command of the runbook is there', async () => {
  assert.ok(commands.length > 10)
  await assertAllThere(commands)
})

test('every setting of the runbook is one that the bootstrap knows, and every one that it knows stands there', () => {
  const source = readFileSync(new URL('options/environment.ts', import.meta.resolve('@rekey/registration')), 'utf8')
  const known = new Set(
    [...source.matchAll(/\b(?:DCR|BFF|IDP|PROM|SKIP|ALLOW|BOOTSTRAP)_[A-Z_]+[A-Z]\b/g)].map(([name]) => name),
  )
  const said = new Set(
    [...runbook.matchAll(/\b(?:DCR|BFF|IDP|PROM|SKIP|ALLOW|BOOTSTRAP)_[A-Z_]+[A-Z]\b/g)].map(([name]) => name),
  )
  const codes = new Set([...runbook.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, code]) => code))
  assert.deepEqual(
    [...said].filter((name) => !known.has(name) && !codes.has(name)),
    [],
  )
  assert.deepEqual(
    [...known].filter((name) => !said.has(name)),
    [],
  )
})

test('every code by which the bootstrap ends stands in the runbook with its exit code', () => {
  const source = readFileSync(new URL('error.ts', import.meta.resolve('@rekey/registration')), 'utf8')
  const codes = [...source.matchAll(/^ {2}\| '([A-Z_]+)'$/gm)].map(([, code]) => code)
  assert.ok(codes.length > 8)
  for (const code of codes) assert.match(runbook, new RegExp(`^\\| \`${code}\` \\| [1-4] \\| `, 'm'))
})
