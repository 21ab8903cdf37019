import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { folder } from './deployed.ts'
import { skip } from './programs.ts'

const prometheusFolder = join(folder, 'prometheus')

function run(program: string, ...words: string[]) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8', cwd: prometheusFolder })
  assert.equal(status, 0, stdout + stderr)
}

describe('what operators are given for Prometheus', { skip }, () => {
  it('are rules, to promtool', () => run('promtool', 'check', 'rules', 'rules/rekey.yml'))
  it('are scrapes, to promtool', () => run('promtool', 'check', 'config', '--syntax-only', 'prometheus.yml'))
  it('are routes, to amtool', () => run('amtool', 'check-config', join(folder, 'alertmanager/alertmanager.yml')))

  for (const file of readdirSync(join(prometheusFolder, 'tests'))) {
    it(`fires when it should, not a moment before, and resolves: ${file}`, () =>
      run('promtool', 'test', 'rules', `tests/${file}`))
  }
})
