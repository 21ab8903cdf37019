import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openParts } from '../src/index.ts'

describe('something that has parts', () => {
  const closed: string[] = []
  const part = (name: string) => ({
    name,
    close: async () => {
      closed.push(name)
    },
  })

  it('closes the last part first, and each once', async () => {
    closed.length = 0
    const whole = await openParts(async (opened) => ({ first: opened(part('first')), last: opened(part('last')) }))
    assert.equal(whole.first.name, 'first')
    assert.deepEqual(closed, [])
    await whole.close()
    await whole.close()
    assert.deepEqual(closed, ['last', 'first'])
  })

  it('closes what was opened where a later part does not open', async () => {
    closed.length = 0
    const fault = new Error('the second one does not open')
    const opening = openParts(async (opened) => {
      opened(part('first'))
      throw fault
    })
    await assert.rejects(opening, fault)
    assert.deepEqual(closed, ['first'])
  })
})
