import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { run } from '../shell.ts'

const runbook = readFileSync(new URL('../../../../docs/runbooks/client-registration.md', import.meta.url), 'utf8')
const blocks = [...runbook.matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].map(([, text = '']) => text)
const spans = [...runbook.matchAll(/`(rekey [^`]+)`/g)].map(([, text = '']) => text.replaceAll('\n', ' '))

/** The words of each `rekey …` that stands there, up to the first option. */
function named(): string[] {
  const lines = [...blocks.flatMap((block) => block.split('\n')), ...spans]
  const calls = lines.flatMap((line) =>
    [...line.matchAll(/(?<=^|[\s(])rekey ((?:[a-z-]+ ?)+)/g)].map(([, words = '']) => words.trim()),
  )
  return [...new Set(calls)]
}

test('every command of the runbook is there', async () => {
  const commands = named()
  assert.ok(commands.length > 10, commands.join(', '))
  for (const command of commands) {
    const words = command.split(' ').filter((word) => !word.startsWith('-'))
    assert.doesNotMatch(await usageOf(words), /^$|\[command\]$/, command)
  }
})

/** Of the longest command that the words begin with: a name that stands behind one is its argument. Behind a group it is an error. */
async function usageOf(words: readonly string[]): Promise<string> {
  for (let length = words.length; length > 0; length -= 1) {
    const { stdout } = await run([...words.slice(0, length), '--help'])
    const [usage = ''] = stdout.split('\n')
    if (usage.startsWith(`Usage: rekey ${words.slice(0, length).join(' ')} `)) return usage
  }
  return ''
}

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
