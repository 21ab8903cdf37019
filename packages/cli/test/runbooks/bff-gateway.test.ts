import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { configVariables } from '@rekey/bff'
import { run } from '../shell.ts'

const root = new URL('../../../../', import.meta.url)
const runbook = readFileSync(new URL('docs/runbooks/bff-gateway.md', root), 'utf8')
const blocks = /^ *```\w+\n([\s\S]*?)^ *```/gm
const spans = runbook.replaceAll(blocks, '').matchAll(/`([^`]+)`/g)
const code = [...runbook.matchAll(blocks), ...spans].map(([, text = '']) => text)

test('every command of the runbook is there', async () => {
  const commands = code.flatMap((text) =>
    [...text.matchAll(/(?<=^|\n|[ (])rekey ((?:[a-z-]+ ?)+)/g)].map(([, words = '']) => words.trim().split(' ')),
  )
  assert.ok(commands.length > 8)
  for (const words of commands) assert.ok(await isThere(words), `rekey ${words.join(' ')}`)
})

/** The longest command that the words begin with: what stands behind it is an argument, which a group has none of. */
async function isThere(words: readonly string[]): Promise<boolean> {
  for (let length = words.length; length > 0; length -= 1) {
    const [usage = ''] = (await run([...words.slice(0, length), '--help'])).stdout.split('\n')
    if (usage.startsWith(`Usage: rekey ${words.slice(0, length).join(' ')} `)) {
      return length === words.length || !usage.includes('[command]')
    }
  }
  return false
}

test('every variable of the runbook is one that the backend for frontend reads', () => {
  const known = new Set([...configVariables, ...configVariables.map((name) => `${name}_FILE`)])
  const ofVerifiers = /^(REKEY|FLUXLIT)_JWT_HS256_SECRET(_FILE)?$/
  const said = code.flatMap((text) => [...text.matchAll(/\b[A-Z]+(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name))
  const unknown = said.filter((name) => !known.has(name) && !ofVerifiers.test(name))
  assert.deepEqual([...new Set(unknown)].sort(), ['GIVEN_ELSEWHERE', 'JWKS_URL', 'NAME_FILE'])
})

test('every test that the runbook names is there, under that name', () => {
  const rows = [...runbook.matchAll(/^\|[^|]*\| `([\w./-]+\.test\.ts)`: (.+) \|$/gm)]
  assert.ok(rows.length > 25)
  for (const [, file = '', name = ''] of rows) {
    const source = readFileSync(fileURLToPath(new URL(file, root)), 'utf8')
    assert.ok(source.includes(`'${name}'`), `${file}: ${name}`)
  }
})
