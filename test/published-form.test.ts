import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { pathToFileURL } from 'node:url'
import { publint } from 'publint'
import { filesBelow } from '../scripts/packing/compile.ts'
import { root } from './repository.ts'

/** What an unpacked package may hold. */
const EXPECTED = /^(?:package\.json|README\.md|LICENSE|dist\/[\w/-]+\.(?:js|d\.ts))$/

describe('a packed package', { timeout: 60_000 }, () => {
  let folder = ''
  const unpacked = new Map<string, string>()
  const tarballs: string[] = []

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'rekey packed '))
    const printed = execFileSync(process.execPath, [join(root, 'scripts/pack.ts'), folder], { encoding: 'utf8' })
    for (const path of printed.trim().split('\n')) {
      const to = join(folder, basename(path, '.tgz'))
      mkdirSync(to)
      execFileSync('tar', ['-xzf', path, '-C', to])
      tarballs.push(path)
      unpacked.set(basename(path), join(to, 'package'))
    }
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  const each = (check: (place: string, manifest: Record<string, unknown>) => void | Promise<void>) => async () => {
    assert.equal(unpacked.size, 2)
    for (const place of unpacked.values())
      await check(place, JSON.parse(readFileSync(join(place, 'package.json'), 'utf8')))
  }

  it(
    'holds what runs, its declarations, a README and the licence, and nothing else',
    each((place) => {
      const files = filesBelow(place)
      assert.deepEqual(
        files.filter((path) => !EXPECTED.test(path)),
        [],
      )
      for (const path of ['README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts'])
        assert.ok(files.includes(path), path)
    }),
  )

  it(
    'depends on nothing and runs no scripts',
    each((_, manifest) => {
      const { dependencies, devDependencies, scripts, engines, exports } = manifest
      assert.deepEqual(
        { dependencies, devDependencies, scripts },
        { dependencies: undefined, devDependencies: undefined, scripts: undefined },
      )
      assert.deepEqual(engines, { node: '>=20' })
      assert.deepEqual(exports, {
        '.': { types: './dist/index.d.ts', default: './dist/index.js' },
        './package.json': './package.json',
      })
    }),
  )

  it(
    'names only Node and its own files',
    each((place) => {
      for (const path of filesBelow(place).filter((path) => path.startsWith('dist/'))) {
        const text = readFileSync(join(place, path), 'utf8')
        for (const [, name = ''] of text.matchAll(/(?:\bfrom |\bimport[ (])['"]([^'"\n]+)['"]/g)) {
          assert.match(name, /^(?:node:[\w/]+|\.{1,2}\/[\w/.-]+\.js)$/, path)
        }
        assert.doesNotMatch(text, /sourceMappingURL/, path)
      }
    }),
  )

  it('has nothing that publint would say', async () => {
    for (const path of tarballs) {
      const { buffer } = new Uint8Array(readFileSync(path))
      const { messages } = await publint({ pack: { tarball: buffer }, strict: true })
      assert.deepEqual(messages, [])
    }
  })

  it('gives what its source gives', async () => {
    const [verifier = ''] = [...unpacked.values()].filter((place) =>
      basename(join(place, '..')).startsWith('rekey-verifier'),
    )
    const { verifyJwt, VerifyError } = await import(pathToFileURL(join(verifier, 'dist/index.js')).href)
    const wrong = () => verifyJwt('a.b', { jwks: { keys: [] }, issuer: null, audience: null, algorithms: ['ES256'] })
    assert.throws(
      wrong,
      (error) => error instanceof VerifyError && (error as { code?: string }).code === 'token_malformed',
    )
  })
})
