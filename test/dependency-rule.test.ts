import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { breaksOf, type Source, specifiersOf } from './dependency-rule.ts'
import { filesOfRepository, root } from './repository.ts'

const planted = (text: string, over: Partial<Source> = {}): Source => ({
  path: 'packages/keyring/src/decide.ts',
  package: '@rekey/keyring',
  listed: [],
  text,
  ...over,
})

const idp = {
  path: 'packages/idp/src/server.ts',
  package: '@rekey/idp',
  listed: ['@rekey/database', '@rekey/bff', 'rekey'],
}

const breakglass = {
  path: 'packages/breakglass/src/evidence/proofs.ts',
  package: '@rekey/breakglass',
  listed: ['@rekey/database'],
}

describe('the checker of the dependency rule', () => {
  const BROKEN: readonly [string, Source, RegExp][] = [
    [
      'the keyring knows the database',
      planted(`import { x } from '@rekey/database'`),
      /must not know @rekey\/database/,
    ],
    [
      'redact imports only a type',
      planted(`import type { X } from "@rekey/keyring"`, { package: '@rekey/redact' }),
      /must not/,
    ],
    ['idp and bff know each other', planted(`import '@rekey/bff'`, idp), /@rekey\/idp must not know @rekey\/bff/],
    ['an import goes up', planted(`export { x } from 'rekey'`, idp), /must not know rekey/],
    ['an import is dynamic', planted(`const x = await import('@rekey/idp')`), /must not know @rekey\/idp/],
    ['an import spans lines', planted(`import {\n  a,\n  b,\n} from '@rekey/verifier'`), /must not know/],
    ['a deep path is imported', planted(`import x from '@rekey/bff/src/x.ts'`, idp), /must not know @rekey\/bff/],
    [
      'a relative path leaves the package',
      planted(`import x from '../../redact/src/text.ts'`),
      /reaches into packages\/redact/,
    ],
    ['another than database imports pg', planted(`import pg from 'pg'`, idp), /only @rekey\/database imports pg/],
    [
      'breakglass imports what needs a database',
      planted(`import { recordEvent } from '@rekey/database'`, breakglass),
      /only what works offline/,
    ],
    [
      'the manifest does not list an import',
      planted(`import '@rekey/redact'`, { ...idp, listed: [] }),
      /does not list/,
    ],
    [
      'a package has no place in the rule',
      planted(`import '@rekey/redact'`, { package: '@rekey/new' }),
      /has no place/,
    ],
    ['the clock is read by Date.now', planted('const now = Date.now()'), /reads the system clock/],
    ['the clock is read by new Date', planted('const now = new Date( )'), /reads the system clock/],
    ['the clock is read by performance', planted('performance.now()'), /reads the system clock/],
    ['the clock is read by hrtime', planted('process.hrtime.bigint()'), /reads the system clock/],
    ['the clock is passed on', planted('const port = { now: Date.now }'), /reads the system clock/],
  ]
  for (const [what, source, expected] of BROKEN) {
    it(`objects when ${what}`, () => assert.match(breaksOf(source).join('\n'), expected))
  }

  const KEPT: readonly [string, Source][] = [
    ['idp knows database', planted(`import '@rekey/database'`, idp)],
    ['breakglass verifies an audit', planted(`import '@rekey/database/offline'`, breakglass)],
    [
      'a test of breakglass has a database',
      planted(`import '@rekey/database'`, { ...breakglass, path: 'packages/breakglass/test/a.test.ts' }),
    ],
    ['a package imports itself', planted(`import '@rekey/keyring'`)],
    ['database imports pg', planted(`import pg from 'pg'`, { ...idp, package: '@rekey/database' })],
    ['a path stays inside the package', planted(`import x from '../package.json'\nimport y from './kinds/a.ts'`)],
    ['a comment tells of an import', planted(`// import '@rekey/bff'\n/* Date.now() */`)],
    ['a text tells of the clock', planted(`const text = 'never call Date.now()'`)],
    ['a date is made of a given time', planted('new Date(nowMs)')],
    ['clock.ts reads the clock', planted('Date.now()', { path: 'packages/keyring/src/clock.ts' })],
    ['an entry point reads the clock', planted('Date.now()', { path: 'packages/idp/src/main.ts' })],
    ['a test reads the clock', planted('Date.now()', { path: 'packages/idp/test/tokens/a.test.ts' })],
  ]
  for (const [what, source] of KEPT) {
    it(`is content when ${what}`, () => assert.deepEqual(breaksOf(source), []))
  }

  it('finds every way of importing', () => {
    const text = `
      import a from 'a'; import 'b'
      import type { C } from "c"
      export * from 'd'
      export { e } from 'e'
      const f = await import(\`f\`), g = require('g')
      import.meta.resolve('h')
      const not = { from: 'x' }, text = "import of goods from 'y'"
    `
    assert.deepEqual(
      specifiersOf(text).filter((name) => name !== 'y'),
      ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
    )
  })
})

describe('this repository', () => {
  const sources = filesOfRepository()
    .filter((path) =>
      /^(?:packages|examples)\/[^/]+\/.*\.(?:ts|js)$|^(?:bench|faults|interop|browser)\/.*\.ts$/.test(path),
    )
    .map(sourceAt)

  it('has sources that the rule can look at', () => {
    for (const name of ['@rekey/redact', '@rekey/bench', '@rekey/faults', 'rekey']) {
      assert.ok(
        sources.some((source) => source.package === name),
        name,
      )
    }
  })

  it('keeps the dependency rule', () => {
    assert.deepEqual(sources.flatMap(breaksOf), [])
  })
})

function sourceAt(path: string): Source {
  const folder = /^(?:packages|examples)\/[^/]+|^(?:bench|faults|interop|browser)/.exec(path)?.[0] ?? ''
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'))
  const listed = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.peerDependencies })
  return { path, text: readFileSync(join(root, path), 'utf8'), package: manifest.name, listed }
}
