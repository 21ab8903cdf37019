import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Registry } from 'prom-client'
import { countedGauge } from '../../src/operations/counted.ts'

/** A gauge of which the test says what is counted, how long that takes, and what time it is. */
function setting() {
  const registry = new Registry()
  const errors: unknown[] = []
  const state = { now: 0, tookMs: 10, counted: 0, found: [{ labels: { kind: 'one' }, value: 1 }] }
  let fails: Error | undefined
  countedGauge({
    registry,
    name: 'things',
    help: 'Things',
    labelNames: ['kind'],
    async count() {
      state.counted += 1
      state.now += state.tookMs
      if (fails) throw fails
      return state.found
    },
    onError: (error) => errors.push(error),
    elapsed: () => state.now,
  })
  const scrape = async () => [...(await registry.metrics()).matchAll(/^things(.*)$/gm)].map(([, series]) => series)
  const fail = (error?: Error) => {
    fails = error
  }
  return { state, errors, scrape, fail }
}

test('a gauge is counted once in five seconds, however often and by how many it is scraped', async () => {
  const { state, scrape } = setting()
  assert.deepEqual(await Promise.all([scrape(), scrape(), scrape()]), Array(3).fill(['{kind="one"} 1']))
  state.now += 4_999
  await scrape()
  assert.equal(state.counted, 1)
  state.now += 1
  await scrape()
  assert.equal(state.counted, 2)
})

test('what takes long is counted less often: never for more than a twentieth of the time', async () => {
  const { state, scrape } = setting()
  state.tookMs = 2_000
  await scrape()
  state.now += 39_999
  await scrape()
  assert.equal(state.counted, 1)
  state.now += 1
  await scrape()
  assert.equal(state.counted, 2)
})

test('series that are gone are told no more', async () => {
  const { state, scrape } = setting()
  await scrape()
  state.found = [{ labels: { kind: 'two' }, value: 0 }]
  state.now += 10_000
  assert.deepEqual(await scrape(), ['{kind="two"} 0'])
})

test('while it cannot be counted a scrape is answered, by what was counted last; before that by nothing', async () => {
  const { state, scrape, errors, fail } = setting()
  fail(new Error('the database is away'))
  assert.deepEqual(await scrape(), [])
  fail()
  state.now += 10_000
  assert.deepEqual(await scrape(), ['{kind="one"} 1'])
  fail(new Error('again'))
  state.now += 10_000
  assert.deepEqual(await scrape(), ['{kind="one"} 1'])
  assert.deepEqual(
    errors.map((error) => (error as Error).message),
    ['the database is away', 'again'],
  )
})
