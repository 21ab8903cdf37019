import assert from 'node:assert/strict'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { addRootKey, readRootKeys, rootKeyIds } from '@rekey/database'
import { operate, startVault } from '@rekey/secrets/testing'
import { temporaryFolder } from '../folder.ts'
import { playIdp } from '../idp.ts'
import { run } from '../shell.ts'

const old = '0a'.repeat(32)

/** An IdP elsewhere that holds what its source says. */
async function elsewhere(t: TestContext, source: string, env: Record<string, string> = {}) {
  const held = async () => (await readRootKeys(source, env)).map(({ id }) => id)
  const answer = async (response: ServerResponse) => {
    const keys = (await held()).map((id, place) => ({ id, sealing: place === 0, heldByAll: true, sealed: 0, keys: 0 }))
    response.end(JSON.stringify({ keys }))
  }
  const idp = await playIdp({ 'GET /root-keys': answer })
  t.after(() => idp.close())
  const admin = { REKEY_IDP: idp.url, REKEY_CLIENT_ID: 'a', REKEY_CLIENT_SECRET: 'secret' }
  const home = { REKEY_HOME: temporaryFolder() }
  return { held, rekey: (...words: string[]) => run(['root-key', ...words], { ...home, ...admin, ...env }) }
}

async function vaultWith(t: TestContext, ...keys: string[]) {
  const vault = await startVault()
  t.after(() => vault.close())
  const target = { address: vault.url, token: vault.token }
  for (const encryptionKey of keys) await operate(target, 'POST', 'secret/data/root', { data: { encryptionKey } })
  return { vault, env: { VAULT_ADDR: vault.url, VAULT_TOKEN: vault.token } }
}

test('a root key in Vault is added as a new version, and an old one destroyed there', async (t) => {
  const { vault, env } = await vaultWith(t, old)
  const source = 'vault:secret/data/root'
  const { held, rekey } = await elsewhere(t, source, env)
  const [first] = await held()
  const added = await rekey('add', '--source', source, '--json')
  assert.equal(added.code, 0, added.stderr)
  const [newest, ...others] = await held()
  assert.deepEqual(others, [first])
  const removed = await rekey('remove-old', '--source', source, '--json')
  assert.deepEqual([removed.code, JSON.parse(removed.stdout).removed], [0, [first]])
  assert.deepEqual(await held(), [newest])
  assert.deepEqual(
    [...vault.versions('root').values()].map(({ destroyed }) => destroyed),
    [true, false],
  )
  for (const { stdout, stderr } of [added, removed]) assert.equal(`${stdout}${stderr}`.includes(old), false)
})

test('a root key in a file that is named is added in front of the others', async (t) => {
  const path = join(temporaryFolder(), 'root')
  writeFileSync(path, `${old}\n`)
  chmodSync(path, 0o600)
  const { rekey } = await elsewhere(t, `file:${path}`)
  assert.equal((await rekey('add', '--source', `file:${path}`)).code, 0)
  const [, second] = rootKeyIds(readFileSync(path, 'utf8'))
  assert.equal(second, rootKeyIds(old)[0])
})

test('root keys that cannot be changed from here stay as they are, and it is said what to do', async (t) => {
  const { rekey, held } = await elsewhere(t, 'env:ROOT', { ROOT: old })
  const before = await held()
  for (const source of ['env:ROOT', 'exec:/bin/true']) {
    const { code, stderr } = await rekey('add', '--source', source)
    assert.equal(code, 2)
    assert.match(stderr, /cannot be changed from here.*openssl rand -hex 32/)
  }
  const { code, stderr } = await rekey('add')
  assert.equal(code, 2)
  assert.match(stderr, /--source/)
  assert.deepEqual(await held(), before)
})

test('a source that is none, or a Vault that is away, is told without the value', async (t) => {
  const { env, vault } = await vaultWith(t, old)
  const { rekey } = await elsewhere(t, 'vault:root', env)
  const { code, stderr } = await rekey('add', '--source', old)
  assert.equal(code, 2)
  assert.doesNotMatch(stderr, new RegExp(old))
  vault.instead((request) => (request.startsWith('POST') ? { status: 503 } : undefined))
  assert.equal((await rekey('add', '--source', 'vault:root')).code, 3)
  assert.equal(vault.versions('root').size, 1)
})

test('no root key is removed where other ones stand than the IdP holds', async (t) => {
  const { env } = await vaultWith(t, old)
  const both = addRootKey(old).trim().split('\n').join(' ')
  const { rekey } = await elsewhere(t, 'env:ROOT', { ...env, ROOT: both })
  const { code, stderr } = await rekey('remove-old', '--source', 'vault:root')
  assert.equal(code, 4)
  assert.match(stderr, /not those that the IdP holds.*Nothing was removed/)
})
