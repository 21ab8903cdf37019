import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { z } from 'zod'
import { duration, flag, readEnvironment } from '../../src/index.ts'

const variables = z.object({
  PATIENCE: duration.default(1_000),
  FORCED: flag.default(false),
  SECRET: z.string().min(8),
})

describe('variables', () => {
  test('are read, and those that are set to nothing are not set', () => {
    const env = { PATIENCE: '', FORCED: '1', SECRET: 'long enough', OTHER: 'x' }
    assert.deepEqual(readEnvironment(variables, env), { PATIENCE: 1_000, FORCED: true, SECRET: 'long enough' })
  })

  test('are all named that are wrong, and no value of a secret', () => {
    const env = { PATIENCE: '30', FORCED: 'maybe', SECRET: 'short' }
    assert.throws(() => readEnvironment(variables, env), {
      code: 'CONFIG_INVALID',
      message: /PATIENCE: .*FORCED: .*SECRET: (?!.*short)/,
    })
  })
})
