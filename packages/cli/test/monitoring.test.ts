import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { assertAllThere, written } from './runbooks/written.ts'

describe('docs/monitoring.md', () => {
  it('names no command that there is not', async () => {
    const { commands } = written('../monitoring.md')
    assert.ok(commands.length > 30)
    await assertAllThere(commands)
  })
})
