import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { filesOfRepository, root } from './repository.ts'

interface Unwanted {
  readonly what: string
  readonly pattern: RegExp
  readonly example: string
}

// Put together, so that this file does not hold what it looks for.
const marker = (...parts: string[]) => parts.join('')

const UNWANTED: readonly Unwanted[] = [
  {
    what: 'a note of work left undone',
    pattern: new RegExp(`\\b(?:${marker('TO', 'DO')}|${marker('FIX', 'ME')}|${marker('XX', 'X')})\\b`),
    example: `// ${marker('TO', 'DO')}: later`,
  },
  {
    what: "a path of somebody's home",
    pattern: /(?:^|[\s'"`(=:])(?:\/home\/(?!USER|you\b)[a-z][\w.-]*|\/Users\/[A-Za-z][\w.-]*|\/root)\//m,
    example: `const path = '${marker('/ho', 'me/alice/')}rekey'`,
  },
  {
    what: 'a focused or skipped test without a reason',
    pattern: new RegExp(`\\b(?:it|test|describe)\\.(?:${marker('on', 'ly')}|${marker('to', 'do')})\\(`),
    example: `it.${marker('on', 'ly')}('works', () => {})`,
  },
  {
    what: 'a conflict that was not resolved',
    pattern: /^(?:<{7} |={7}$|>{7} )/m,
    example: `${'<'.repeat(7)} HEAD`,
  },
  {
    what: 'an error that is swallowed',
    pattern: /catch\s*(?:\([^)]*\)\s*)?\{\s*\}/,
    example: `try { act() } ${marker('cat', 'ch {}')}`,
  },
]

const TEXT = /\.(?:ts|js|json|md|sql|yml|yaml|sh)$|(?:^|\/)(?:LICENSE|run)$/
const GENERATED = /(?:^|\/)package-lock\.json$/

describe('no file of the repository', () => {
  const files = filesOfRepository()
    .filter((path) => TEXT.test(path) && !GENERATED.test(path))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))

  for (const { what, pattern, example } of UNWANTED) {
    it(`holds ${what}`, () => {
      assert.match(example, pattern)
      assert.deepEqual(
        files.filter(({ text }) => pattern.test(text)).map(({ path }) => path),
        [],
      )
    })
  }

  it('is longer than 500 lines, the licence aside', () => {
    const long = files.filter(({ path, text }) => path !== 'LICENSE' && text.split('\n').length > 500)
    assert.deepEqual(
      long.map(({ path }) => path),
      [],
    )
  })
})
