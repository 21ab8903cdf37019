import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { freezeReminder } from '../../src/incidents/freeze/reminder.ts'

const fiveMinutesMs = 300_000

describe('the reminder of a freeze', () => {
  function reminding(t: TestContext) {
    t.mock.timers.enable({ apis: ['setInterval'] })
    const told: unknown[] = []
    const warn = ({ incident }: { incident: string }, what: string) => told.push([incident, what])
    const reminder = freezeReminder({ warn } as unknown as Parameters<typeof freezeReminder>[0])
    const pass = async (ms: number) => {
      t.mock.timers.tick(ms)
      await new Promise((resolve) => setImmediate(resolve))
      return told.splice(0)
    }
    return { ...reminder, pass }
  }
  const one = { incident: 'INC-1', since: 1_000 }
  const two = { incident: 'INC-2', since: 2_000 }

  test('says at once that administration is frozen, every five minutes that it still is, and when it ends', async (t) => {
    const { take, pass, close } = reminding(t)
    take([])
    assert.deepEqual(await pass(fiveMinutesMs), [])
    take([one])
    assert.deepEqual(await pass(0), [['INC-1', 'administration is frozen']])
    take([one])
    assert.deepEqual(await pass(fiveMinutesMs - 1), [])
    assert.deepEqual(await pass(1), [['INC-1', 'administration is still frozen']])
    assert.deepEqual(await pass(fiveMinutesMs), [['INC-1', 'administration is still frozen']])
    take([])
    assert.deepEqual(await pass(fiveMinutesMs), [['INC-1', 'administration is not frozen by this any more']])
    await close()
  })

  test('speaks of each incident by itself, and no more once it is closed', async (t) => {
    const { take, pass, close } = reminding(t)
    take([one])
    take([one, two])
    take([two])
    assert.deepEqual(await pass(fiveMinutesMs), [
      ['INC-1', 'administration is frozen'],
      ['INC-2', 'administration is frozen'],
      ['INC-1', 'administration is not frozen by this any more'],
      ['INC-2', 'administration is still frozen'],
    ])
    await close()
    assert.deepEqual(await pass(fiveMinutesMs), [])
  })
})
