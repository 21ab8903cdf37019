import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { inspect } from 'node:util'
import { operate, startVault } from '@rekey/secrets/testing'
import { DatabaseError } from '../../src/error.ts'
import { addRootKey, readRootKey, readRootKeys, removeRootKeys, rootKeyIds } from '../../src/sealing/root-key.ts'

const hex = randomBytes(32).toString('hex')

describe('the root key', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rekey-root-key-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function file(content: string): Promise<string> {
    const path = join(folder, randomBytes(4).toString('hex'))
    await writeFile(path, content)
    return `file:${path}`
  }

  it('is the same from the environment and from a file, with or without a line end', async () => {
    const fromEnv = await readRootKey('env:ROOT', { ROOT: hex })
    assert.deepEqual(Buffer.from(fromEnv.key), Buffer.from(hex, 'hex'))
    for (const content of [hex, `${hex}\n`, `  ${hex.toUpperCase()}\r\n`]) {
      assert.deepEqual(await readRootKey(await file(content), {}), fromEnv)
    }
  })

  it('has an id that says nothing about it and tells it from another', async () => {
    const { id } = await readRootKey('env:ROOT', { ROOT: hex })
    assert.match(id, /^[0-9a-f]{12}$/)
    assert.equal(hex.includes(id), false)
    assert.notEqual((await readRootKey('env:ROOT', { ROOT: randomBytes(32).toString('hex') })).id, id)
  })

  it('may be several, the newest first, with white space or commas between them', async () => {
    const other = randomBytes(32).toString('hex')
    const expected = [await readRootKey('env:ROOT', { ROOT: other }), await readRootKey('env:ROOT', { ROOT: hex })]
    for (const text of [`${other}\n${hex}\n`, `${other},${hex}`, ` ${other} , ${hex.toUpperCase()}`]) {
      assert.deepEqual(await readRootKeys(await file(text), {}), expected)
      assert.deepEqual(await readRootKey(await file(text), {}), expected[0])
    }
  })

  it('is added to a file in front of the others, and those that are removed are named by their ids', async () => {
    const two = addRootKey(`${hex.toUpperCase()}\r\n`)
    const [added = '', ...others] = two.split('\n')
    assert.match(added, /^[0-9a-f]{64}$/)
    assert.deepEqual(others, [hex, ''])
    const three = addRootKey(two, (bytes) => Buffer.alloc(bytes, 5))
    assert.equal(three, `${'05'.repeat(32)}\n${two}`)
    const ids = rootKeyIds(three)
    assert.deepEqual(
      ids,
      (await readRootKeys('env:ROOT', { ROOT: three })).map(({ id }) => id),
    )
    assert.equal(removeRootKeys(three, ids.slice(1)), `${'05'.repeat(32)}\n`)
    assert.equal(removeRootKeys(three, ids.slice(0, 1)), two)
    assert.throws(() => removeRootKeys(three, ids), { code: 'ROOT_KEY_INVALID' })
    for (const text of ['', 'no key', `${hex}\n${hex}`]) {
      for (const edit of [addRootKey, rootKeyIds, (given: string) => removeRootKeys(given, [])]) {
        assert.throws(() => edit(text), { name: 'DatabaseError', code: 'ROOT_KEY_INVALID' })
      }
    }
  })

  it('is read from a path of Vault, each version one of them, and from what a program prints', async () => {
    const other = randomBytes(32).toString('hex')
    const expected = await readRootKeys('env:ROOT', { ROOT: `${other} ${hex}` })
    const vault = await startVault()
    const env = { VAULT_ADDR: vault.url, VAULT_TOKEN: vault.token }
    const target = { address: vault.url, token: vault.token }
    for (const encryptionKey of [hex, other])
      await operate(target, 'POST', 'secret/data/root', { data: { encryptionKey } })
    assert.deepEqual(await readRootKeys('vault:secret/data/root', env), expected)
    const path = (await file(`#!/bin/sh\necho ${other}\necho ${hex}\n`)).slice('file:'.length)
    await chmod(path, 0o700)
    assert.deepEqual(await readRootKeys(`exec:${path}`, {}), expected)
    await vault.close()
  })

  it('cannot be had for now where its Vault is away or a program fails, which is told from one that is missing', async () => {
    const vault = await startVault()
    const env = { VAULT_ADDR: vault.url, VAULT_TOKEN: vault.token }
    await assert.rejects(readRootKey('vault:root', env), { code: 'ROOT_KEY_MISSING', message: /nothing in vault:root/ })
    vault.sealed(true)
    await assert.rejects(readRootKey('vault:root', env), { code: 'ROOT_KEY_UNAVAILABLE', message: /Vault is sealed/ })
    await vault.close()
    await assert.rejects(readRootKey('vault:root', env), { code: 'ROOT_KEY_UNAVAILABLE', message: /ECONNREFUSED/ })
    await assert.rejects(readRootKey('exec:/bin/false', {}), { code: 'ROOT_KEY_UNAVAILABLE', message: /exit code 1/ })
    await assert.rejects(readRootKey('vault:root', {}), { code: 'ROOT_KEY_INVALID', message: /VAULT_ADDR/ })
  })

  for (const [name, source] of Object.entries({
    'an environment variable that is not set': 'env:ABSENT',
    'a file that does not exist': 'file:/nowhere/at/all',
    'a folder': `file:${tmpdir()}`,
  })) {
    it(`is missing in ${name}`, async () => {
      await assert.rejects(readRootKey(source, {}), { name: 'DatabaseError', code: 'ROOT_KEY_MISSING' })
    })
  }

  const bad = ['', ' ', hex.slice(1), `${hex}0`, `${hex.slice(0, 63)}g`, Buffer.from(hex, 'hex').toString('base64')]
  for (const [index, value] of [...bad, `0x${hex}`, `${hex} ${hex}`].entries()) {
    it(`is refused when it is not 64 hexadecimal digits, and not quoted: form ${index}`, async () => {
      for (const source of ['env:ROOT', await file(value)]) {
        const error = await refusal(readRootKey(source, { ROOT: value }))
        assert.equal(error.code, 'ROOT_KEY_INVALID')
        const [digits] = /[\w+/]{40}/.exec(value) ?? []
        if (digits) assert.equal(inspect(error).includes(digits), false)
      }
    })
  }

  for (const [name, source] of Object.entries({
    'as the value itself': hex,
    'as the name of a variable': `env:${hex}`,
    'as the path of a file': `file:${hex}\n`,
    'as a path of Vault': `vault:${hex}`,
    'as a program': `exec:${hex}`,
    'without a scheme': 'ROOT',
    'by an unknown scheme': 'http://example.com/key',
    'without a name': 'env:',
  })) {
    it(`is refused when it is given ${name}, and not quoted`, async () => {
      const error = await refusal(readRootKey(source, { [hex]: hex }))
      assert.equal(error.code, 'ROOT_KEY_INVALID')
      assert.equal(inspect(error).includes(hex), false)
    })
  }

  async function refusal(reading: Promise<unknown>): Promise<DatabaseError> {
    const error = await reading.then(
      () => assert.fail('it was read'),
      (reason: unknown) => reason,
    )
    return error instanceof DatabaseError ? error : assert.fail(String(error))
  }
})
