import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
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

  test('are called missing where they are not set, or set to nothing', () => {
    const message = 'SECRET is missing'
    for (const env of [{}, { SECRET: '' }]) assert.throws(() => readEnvironment(variables, env), { message })
  })
})

describe('variables in files', () => {
  let folder: string
  const file = (name: string) => join(folder, name)
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'variables-'))
    await writeFile(file('secret'), 'long enough\n')
  })
  after(() => rm(folder, { recursive: true }))

  test('are read from where the variable with _FILE says', () => {
    assert.equal(readEnvironment(variables, { SECRET_FILE: file('secret') }).SECRET, 'long enough')
    assert.equal(readEnvironment(variables, { SECRET: '', SECRET_FILE: file('secret') }).SECRET, 'long enough')
  })

  test('are named when the file cannot be read, without its path', () => {
    assert.throws(() => readEnvironment(variables, { SECRET_FILE: file('none') }), {
      code: 'CONFIG_INVALID',
      message: /SECRET_FILE cannot be read \(ENOENT\)$/,
    })
  })

  test('are refused where the variable is set too', () => {
    assert.throws(() => readEnvironment(variables, { SECRET: 'long enough', SECRET_FILE: file('secret') }), {
      code: 'CONFIG_INVALID',
      message: /SECRET and SECRET_FILE are both set/,
    })
  })

  test('are where the root key is, which is read there and not here', () => {
    const root = z.object({ REKEY_ROOT_KEY: z.string() })
    assert.deepEqual(readEnvironment(root, { REKEY_ROOT_KEY_FILE: '/run/secrets/root' }), {
      REKEY_ROOT_KEY: 'file:/run/secrets/root',
    })
    assert.throws(
      () => readEnvironment(root, { REKEY_ROOT_KEY: 'env:ROOT', REKEY_ROOT_KEY_FILE: '/run/secrets/root' }),
      {
        message: /REKEY_ROOT_KEY and REKEY_ROOT_KEY_FILE are both set/,
      },
    )
  })

  test('are left to a schema that knows both', () => {
    const both = z.object({ TOKEN: z.string().optional(), TOKEN_FILE: z.string().optional() })
    assert.deepEqual(readEnvironment(both, { TOKEN_FILE: file('none') }), { TOKEN_FILE: file('none') })
  })
})
