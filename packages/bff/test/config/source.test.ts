import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { type SecretSource, secretSource, secretsIn, type Watching } from '../../src/config/source.ts'
import { BffError } from '../../src/error.ts'

const folder = mkdtempSync(join(tmpdir(), 'bff-source-'))
after(() => rmSync(folder, { recursive: true }))

function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

function source(env: NodeJS.ProcessEnv): SecretSource {
  const found = secretSource(env, 'SALT')
  assert.ok(found)
  return found
}

function refusal(env: NodeJS.ProcessEnv): string {
  try {
    secretSource(env, 'SALT')
  } catch (error) {
    assert.ok(error instanceof BffError)
    assert.equal(error.code, 'CONFIG_INVALID')
    return error.message
  }
  throw new Error('it was accepted')
}

/** A second passes when the test says so. */
function steered() {
  const warnings: string[] = []
  const acts: (() => Promise<void>)[] = []
  const watching: Watching = {
    warn: (message) => warnings.push(message),
    every: (ms, act, onError) => {
      assert.equal(ms, 1_000)
      acts.push(() => act().then(() => undefined, onError))
      return async () => undefined
    },
  }
  const second = async () => {
    for (const act of acts) await act()
  }
  return { watching, warnings, second }
}

describe('a secret of the environment', () => {
  test('stands in the variable, in the file that it names by file:, or in the file that NAME_FILE names', () => {
    const path = file('three', '\uFEFFfrom a file\n')
    assert.equal(source({ SALT: ' plain ' }).current(), 'plain')
    assert.equal(source({ SALT: `file:${path}` }).current(), 'from a file')
    assert.equal(source({ SALT: `file://${path}` }).current(), 'from a file')
    assert.equal(source({ SALT_FILE: path }).current(), 'from a file')
  })

  test('is not there when nothing is set, or is set to nothing', () => {
    assert.equal(secretSource({}, 'SALT'), undefined)
    assert.equal(secretSource({ SALT: '', SALT_FILE: ' ' }, 'SALT'), undefined)
  })

  test('is refused by the name of its variable, without the value of anything', () => {
    const empty = file('empty', ' \n')
    const large = file('large', 'x'.repeat(65_537))
    assert.match(refusal({ SALT: 'hunter2', SALT_FILE: 'hunter2' }), /^SALT and SALT_FILE are both set/)
    assert.equal(refusal({ SALT_FILE: '/nowhere/hunter2' }), 'SALT_FILE: the file is missing')
    assert.equal(refusal({ SALT: 'file:/nowhere/hunter2' }), 'SALT: the file is missing')
    assert.equal(refusal({ SALT: 'file:' }), 'SALT: file: must be followed by a path')
    assert.equal(refusal({ SALT: 'file://elsewhere/x' }), 'SALT: file: must be followed by a path of this machine')
    assert.equal(refusal({ SALT_FILE: folder }), 'SALT_FILE: what is there is no file')
    assert.equal(refusal({ SALT_FILE: empty }), 'SALT_FILE: the file is empty')
    assert.equal(refusal({ SALT_FILE: large }), 'SALT_FILE: the file is too large')
  })
})

describe('a watched file', () => {
  test('that changes is told to everybody who watches, and once', async () => {
    const path = file('changing', 'first')
    const { watching, second } = steered()
    const salt = source({ SALT_FILE: path })
    const [one, other]: string[][] = [[], []]
    salt.watch((text) => one?.push(text), watching)
    salt.watch((text) => other?.push(text), watching)
    await second()
    assert.deepEqual([one, other], [[], []])
    file('changing', 'second')
    await second()
    await second()
    assert.deepEqual([one, other], [['second'], ['second']])
    assert.equal(salt.current(), 'second')
  })

  test('that is empty or gone leaves the last text in force, and is warned about once for each outage', async () => {
    const path = file('outage', 'first')
    const { watching, warnings, second } = steered()
    const salt = source({ SALT_FILE: path })
    const told: string[] = []
    salt.watch((text) => told.push(text), watching)
    file('outage', '')
    await second()
    rmSync(path)
    await second()
    assert.deepEqual(warnings, ['SALT_FILE: the file is empty; what was read last stays in force'])
    assert.equal(salt.current(), 'first')
    file('outage', 'second')
    await second()
    rmSync(path)
    await second()
    assert.deepEqual(told, ['second'])
    assert.deepEqual(warnings.slice(1), ['SALT_FILE: the file is missing; what was read last stays in force'])
  })

  test('whose new text cannot be used is offered again, and warned about once', async () => {
    const path = file('unusable', 'first')
    const { watching, warnings, second } = steered()
    let offers = 0
    source({ SALT_FILE: path }).watch(() => {
      offers += 1
      throw new BffError('CONFIG_INVALID', 'it is too short')
    }, watching)
    file('unusable', 'x')
    await second()
    await second()
    assert.equal(offers, 2)
    assert.deepEqual(warnings, ['SALT_FILE: it is too short; what was read last stays in force'])
  })
})

test('several secrets stand on lines or between commas, and nothing is none of them', () => {
  assert.deepEqual(secretsIn('SALT', 'new,old'), ['new', 'old'])
  assert.deepEqual(secretsIn('SALT', 'new\r\n\n old \nnew\n'), ['new', 'old'])
  assert.throws(() => secretsIn('SALT', 'new,,old'), { code: 'CONFIG_INVALID', message: /^SALT: there is nothing/ })
})
