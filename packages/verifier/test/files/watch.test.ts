import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { VerifyError } from '../../src/error.ts'
import { Watch } from '../../src/files/watch.ts'
import { HandClock } from '../support/clock.ts'
import { NOW_MS, refused } from '../support/keys.ts'
import { until } from '../support/mailbox.ts'

/** A watch on something whose next answers stand in `answers`. */
function watching() {
  const clock = new HandClock(NOW_MS)
  const answers: (string | Error | Promise<string>)[] = []
  const problems: VerifyError[] = []
  let looks = 0
  const look = async () => {
    looks += 1
    const answer = await answers.shift()
    if (answer instanceof Error) throw answer
    return answer
  }
  const watch = new Watch({ clock, look, onProblem: (error) => problems.push(error), code: 'secrets_failed' })
  const nextLook = async () => {
    const before = looks
    await until(() => {
      if (looks > before) return true
      clock.advance(1_000)
      return false
    })
  }
  return { clock, answers, problems, watch, nextLook, looks: () => looks }
}

const gone = () => new VerifyError('secrets_failed')

describe('a watch', { timeout: 10_000 }, () => {
  it('looks every second once it is started, and no more once it is closed', async () => {
    const { clock, watch, nextLook, looks } = watching()
    clock.advance(5_000)
    assert.equal(looks(), 0)
    watch.start()
    clock.advance(999)
    assert.equal(looks(), 0)
    for (let i = 0; i < 3; i++) await nextLook()
    assert.equal(looks(), 3)
    await watch.close()
    clock.advance(5_000)
    assert.equal(looks(), 3)
    await assert.rejects(watch.now(), refused('verifier_closed'))
  })

  it('announces one problem for an outage of any length, and the next one for the next', async () => {
    const { answers, problems, watch, nextLook } = watching()
    watch.start()
    answers.push(gone(), gone(), new TypeError('it is empty'), 'good', gone(), 'good')
    for (const count of [1, 1, 1, 1, 2, 2]) {
      await nextLook()
      await until(() => problems.length === count)
    }
    await nextLook()
    assert.equal(problems.length, 2)
    await watch.close()
  })

  it('tells what would be wrong use at a start as a problem, and who looks now hears of it too', async () => {
    const { answers, problems, watch } = watching()
    answers.push(new TypeError('it is empty'), gone(), 'good')
    await assert.rejects(watch.now(), refused('secrets_failed'))
    await assert.rejects(watch.now(), refused('secrets_failed'))
    assert.deepEqual(
      problems.map(({ message }) => message),
      ['the shared secrets could not be read: it is empty'],
    )
    assert.equal(await watch.now(), 'good')
  })

  it('looks again for whoever asks while a look is under way: that one may have begun too early', async () => {
    const { answers, watch, looks } = watching()
    let answer: (text: string) => void = () => {}
    answers.push(new Promise((resolve) => (answer = resolve)), 'after')
    const first = watch.now()
    const second = watch.now()
    await until(() => looks() === 1)
    answer('before')
    assert.deepEqual([await first, await second], ['before', 'after'])
  })
})
