import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { packed } from './packed.ts'

/** The code blocks of the README that a package was packed with, in order. */
export function blocksOf(name: string, language: string): string[] {
  const text = readFileSync(join(packed().installed, 'node_modules/@rekey', name, 'README.md'), 'utf8')
  const blocks = text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)
  return [...blocks].filter(([, found]) => found === language).map(([, , code = '']) => code)
}

/** The one block that holds a text. */
export function blockWith(blocks: readonly string[], needle: string): string {
  const [found, another] = blocks.filter((block) => block.includes(needle))
  if (found === undefined || another !== undefined) throw new Error(`the README has not one block with: ${needle}`)
  return found
}
