import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { packed } from './packed.ts'

const { installed, nodes } = packed()

describe('the installed packages', () => {
  before(() => cpSync(join(import.meta.dirname, 'fixtures'), installed, { recursive: true }))

  it('bring no other package with them', () => {
    const lock = JSON.parse(readFileSync(join(installed, 'package-lock.json'), 'utf8'))
    const paths = Object.keys(lock.packages).filter((path) => path !== '')
    const ofTypes = ['node_modules/@types/node', 'node_modules/undici-types']
    assert.deepEqual(paths.sort(), ['node_modules/@rekey/redact', 'node_modules/@rekey/verifier', ...ofTypes])
  })

  for (const [release, node] of Object.entries(nodes)) {
    const run = (...args: string[]) => execFileSync(node, args, { cwd: installed, encoding: 'utf8', stdio: 'pipe' })

    it(`can be imported on Node ${release}`, () => {
      assert.equal(run('imports.mjs'), 'agent-1 hidden\n')
    })

    // From 20.19 and 22.12 on.
    const skip = run('--print', 'process.features.require_module === true') === 'true\n' ? false : 'this Node cannot'
    it(`can be required on Node ${release}`, { skip }, () => {
      assert.equal(run('requires.cjs'), 'agent-1 hidden\n')
    })
  }
})
