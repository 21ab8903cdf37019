import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import type { Outcome } from '@rekey/breakglass'
import type { Told } from '../../src/break-glass/commands-named.ts'
import { finish } from '../../src/break-glass/finish.ts'
import { exitCodeOf } from '../../src/error.ts'
import type { Shell } from '../../src/shell.ts'
import { allDone, record } from './record.ts'

/** What is printed, and the exit code. */
function finished(outcome: Partial<Outcome>, same: Told = {}) {
  const stdout = new PassThrough()
  const whole = { record: record(allDone()), instances: [], evidence: '/e.zip', contained: true, open: [], notes: [] }
  let code = 0
  try {
    finish({ stdout } as Partial<Shell> as Shell, true, { ...whole, ...outcome }, same)
  } catch (error) {
    code = exitCodeOf(error)
  }
  return { code, document: JSON.parse(stdout.read().toString()) }
}

test('only an incident that is contained, with nothing open, ends with 0; its document is printed all the same', () => {
  assert.equal(finished({}).code, 0)
  assert.equal(finished({ contained: false }).code, 1)
  const { code, document } = finished({ open: ['there are more changes than are listed'] })
  assert.deepEqual([code, document.contained, document.open], [1, true, ['there are more changes than are listed']])
})

test('a command in what is open names the provider that was asked', () => {
  const open = ['not done yet: prove. "rekey break-glass resume INC-42" goes on']
  assert.deepEqual(finished({ open }, { idpCommands: 'idp.json' }).document.open, [
    'not done yet: prove. "rekey break-glass resume INC-42 --idp-commands idp.json" goes on',
  ])
})
