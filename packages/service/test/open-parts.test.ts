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

  const stuck = (fault: Error) => ({ close: () => Promise.reject(fault) })

  it('closes what comes before a part that does not close, and says so', async () => {
    closed.length = 0
    const fault = new Error('it does not close')
    const whole = await openParts(async (opened) => ({ first: opened(part('first')), last: opened(stuck(fault)) }))
    await assert.rejects(whole.close(), ({ errors }: AggregateError) => errors.length === 1 && errors[0] === fault)
    assert.deepEqual(closed, ['first'])
  })

  it('says why it did not open, whatever does not close then', async () => {
    closed.length = 0
    const fault = new Error('the last one does not open')
    const opening = openParts(async (opened) => {
      opened(part('first'))
      opened(stuck(new Error('it does not close')))
      throw fault
    })
    await assert.rejects(opening, (error: Error & { unclosed?: AggregateError }) => {
      assert.equal(error, fault)
      assert.match(String(error.unclosed?.errors[0]), /it does not close/)
      return true
    })
    assert.deepEqual(closed, ['first'])
  })
})
