/** What a runbook says in code: its commands, and the variables that it names. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { run } from '../shell.ts'

const blocks = /^ *```\w+\n([\s\S]*?)^ *```/gm

export function written(runbook: string) {
  const text = readFileSync(new URL(`../../../../docs/runbooks/${runbook}`, import.meta.url), 'utf8')
  const spans = text.replaceAll(blocks, '').matchAll(/`([^`]+)`/g)
  const code = [...text.matchAll(blocks), ...spans].map(([, each = '']) => each)
  const named = (pattern: RegExp) => code.flatMap((each) => [...each.matchAll(pattern)].map(([, found = '']) => found))
  return {
    text,
    /** The words of each `rekey …` up to the first that a command cannot have in its name, without options. */
    commands: named(/(?<=^|\n|[ (])rekey ((?:[a-z-]+ ?)+)/g).map((words) =>
      words.split(' ').filter((word) => /^[a-z]/.test(word)),
    ),
    variables: [...new Set(named(/\b([A-Z]+(?:_[A-Z0-9]+)+)\b/g))].sort(),
  }
}

/** Of groups these act by themselves. */
const acting = ['bff', 'break-glass']

/** Each of them is one that acts. */
export async function assertAllThere(commands: readonly string[][]): Promise<void> {
  for (const words of commands) {
    const name = words.join(' ')
    assert.doesNotMatch(await usageOf(words), acting.includes(name) ? /^$/ : /^$|\[command\]$/, name)
  }
}

/** Of the longest command that the words begin with: a name that stands behind one is its argument. Behind a group it is an error. */
async function usageOf(words: readonly string[]): Promise<string> {
  for (let length = words.length; length > 0; length -= 1) {
    const [usage = ''] = (await run([...words.slice(0, length), '--help'])).stdout.split('\n')
    if (usage.startsWith(`Usage: rekey ${words.slice(0, length).join(' ')} `)) return usage
  }
  return ''
}
