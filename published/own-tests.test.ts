import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { before, describe, it } from 'node:test'
import { compile, filesBelow, root } from '../scripts/packing/compile.ts'
import { PUBLISHED } from '../scripts/packing/stage.ts'
import { packed } from './packed.ts'

const { folder, installed, nodes } = packed()

/** What tests read beside their own folder. */
const READ_BY_TESTS = ['package.json', 'README.md', 'vectors']

/** Tests of what only the workspace has, with the reason. */
const LEFT_OUT: Readonly<Record<string, string>> = {}

for (const name of PUBLISHED) {
  describe(`the tests of ${name}, compiled, against what was packed`, () => {
    const place = join(folder, 'tests', name)
    let files: string[] = []

    before(() => {
      makePlace(name, place)
      files = filesBelow(place).filter((path) => /^test\/.*\.test\.js$/.test(path) && !(`${name}/${path}` in LEFT_OUT))
    })

    for (const [release, node] of Object.entries(nodes)) {
      it(`pass on Node ${release}`, async (test) => {
        const { output, counts } = await runTests(node, place, files)
        const { tests = 0, pass, fail, cancelled, skipped } = counts
        assert.equal(fail, 0, output.slice(output.indexOf('failing tests:')))
        assert.deepEqual({ pass, cancelled, skipped }, { pass: tests, cancelled: 0, skipped: 0 }, output)
        assert.ok(tests > files.length, `${tests} tests in ${files.length} files`)
        test.diagnostic(`${tests} tests`)
      })
    }

    for (const [path, reason] of Object.entries(LEFT_OUT)) {
      if (path.startsWith(`${name}/`)) it(`leave out ${path}`, { skip: reason }, () => {})
    }
  })
}

/** `src` is compiled for the compiler only: what is tested is what was packed. */
function makePlace(name: string, place: string): void {
  const source = join(root, 'packages', name)
  compile({ folder: source, include: ['src', 'test'], rootDir: '.', outDir: place })
  rmSync(join(place, 'src'), { recursive: true })
  cpSync(join(installed, 'node_modules/@rekey', name, 'dist'), join(place, 'src'), { recursive: true })
  for (const path of READ_BY_TESTS.filter((path) => existsSync(join(source, path)))) {
    cpSync(join(source, path), join(place, path), { recursive: true })
  }
  symlinkSync(join(root, 'node_modules'), join(place, 'node_modules'))
  // A test that starts a process names the file in a text, which the compiler leaves alone.
  for (const path of filesBelow(join(place, 'test')).map((path) => join(place, 'test', path))) {
    if (path.endsWith('.js'))
      writeFileSync(path, readFileSync(path, 'utf8').replace(/(['"][\w./-]+)\.ts(?=['"])/g, '$1.js'))
  }
}

async function runTests(node: string, cwd: string, files: readonly string[]) {
  const options = [
    '--test',
    '--test-reporter=spec',
    '--test-timeout=60000',
    `--test-concurrency=${availableParallelism()}`,
  ]
  // A runner within a runner would report to the outer one.
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined }
  const child = spawn(node, [...options, ...files], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] })
  const output = await text(child.stdout)
  const summary = [...output.matchAll(/^ℹ (\w+) (\d+)$/gm)].map(([, name, count]) => [name, Number(count)])
  return { output, counts: Object.fromEntries(summary) as Record<string, number> }
}
