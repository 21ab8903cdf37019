import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { tell } from '../src/listener.ts'

describe('a listener of the application', () => {
  it('is told on a later tick', async () => {
    const heard: string[] = []
    await new Promise<void>((resolve) => {
      const listener = (fact: string) => {
        heard.push(fact)
        resolve()
      }
      tell('onAction', listener, 'it happened')
      assert.deepEqual(heard, [])
    })
    assert.deepEqual(heard, ['it happened'])
    assert.doesNotThrow(() => tell('onAction', undefined, 'nobody listens'))
  })

  it('harms nothing when it throws or rejects, and the process is warned of what it threw', async () => {
    const failing: ((fact: string) => unknown)[] = [
      () => {
        throw new RangeError('the audit is full')
      },
      () => Promise.reject(new RangeError('the audit is full')),
    ]
    for (const listener of failing) {
      tell('onAction', listener, 'it happened')
      const [warning] = await once(process, 'warning')
      assert.deepEqual([warning.name, warning.message], ['RekeyWarning', 'onAction failed'])
      assert.match(warning.detail, /RangeError: the audit is full/)
    }
    tell('onProblem', () => Promise.reject(undefined), 'it happened')
    assert.equal((await once(process, 'warning'))[0].message, 'onProblem failed')
  })
})
