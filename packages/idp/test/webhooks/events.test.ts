import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { glob } from 'node:fs/promises'
import { test } from 'node:test'
import { actions, fits, isEvent } from '../../src/webhooks/events.ts'

const root = new URL('../../../', import.meta.url).pathname
/** Where events of this audit are recorded. */
const sources = ['idp', 'keyring', 'service', 'database'].map((name) => `${name}/src/**/*.ts`)
const scopes = new Set(['dcr.admin', 'dcr.register', 'admin.api'])
const named = /(?:action: |eventOf\(|record\([^']*|save\([^']*)'([a-z_]+\.[a-z_]+)'/g

test('there is nothing in the audit that nobody could subscribe to', async () => {
  const missing = new Set<string>()
  for await (const file of glob(sources, { cwd: root })) {
    for (const [, action = ''] of readFileSync(root + file, 'utf8').matchAll(named))
      if (!isEvent(action) && !scopes.has(action)) missing.add(`${action} in ${file}`)
  }
  assert.deepEqual([...missing], [])
})

test('a pattern fits what is of its sort, a name fits itself, and * fits all', () => {
  assert.ok(fits(['credential.*'], 'credential.rotated'))
  assert.ok(!fits(['credential.*'], 'credentials.rotated'))
  assert.ok(fits(['agent.created', 'credential.rotated'], 'credential.rotated'))
  assert.ok(!fits(['agent.created'], 'agent.updated'))
  for (const action of actions) assert.ok(fits(['*'], action) && isEvent(action))
})

test('what is no event cannot be subscribed to', () => {
  for (const text of ['', 'agent', 'agent.', 'agents.*', '**', '*.created', 'agent.exploded', 'toString.*'])
    assert.equal(isEvent(text), false, text)
})
