import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { configVariables } from '@rekey/bff'
import { run } from '../shell.ts'

const runbook = readFileSync(new URL('../../../../docs/runbooks/bff-secrets.md', import.meta.url), 'utf8')
const blocks = /^ *```\w+\n([\s\S]*?)^ *```/gm
const spans = runbook.replaceAll(blocks, '').matchAll(/`([^`]+)`/g)
const code = [...runbook.matchAll(blocks), ...spans].map(([, text = '']) => text)

test('every command of the runbook is there', async () => {
  const commands = code.flatMap((text) =>
    [...text.matchAll(/(?<=^|\n|[ (])rekey ((?:[a-z-]+ ?)+)/g)].map(([, words = '']) => words.trim().split(' ')),
  )
  assert.ok(commands.length > 8)
  for (const words of commands) {
    const named = words.filter((word) => !word.startsWith('-'))
    assert.doesNotMatch(await usageOf(named), /^$|\[command\]$/, named.join(' '))
  }
})

/** Of the longest command that the words begin with: what stands behind it is its argument. */
async function usageOf(words: readonly string[]): Promise<string> {
  for (let length = words.length; length > 0; length -= 1) {
    const [usage = ''] = (await run([...words.slice(0, length), '--help'])).stdout.split('\n')
    if (usage.startsWith(`Usage: rekey ${words.slice(0, length).join(' ')} `)) return usage
  }
  return ''
}

test('every variable of the runbook is one that the backend for frontend or a command reads', () => {
  const known = new Set([...configVariables, ...configVariables.map((name) => `${name}_FILE`)])
  const said = code.flatMap((text) => [...text.matchAll(/\b[A-Z]+(?:_[A-Z0-9]+)+\b/g)].map(([name]) => name))
  const unknown = said.filter((name) => !known.has(name))
  assert.deepEqual([...new Set(unknown)].sort(), ['AUTO_KEY_ROTATION', 'NAME_FILE', 'REKEY_PASSWORD', 'REKEY_USERNAME'])
})
