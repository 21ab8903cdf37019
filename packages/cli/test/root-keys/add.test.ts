import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { addRootKey, rootKeyIds } from '@rekey/database'
import { ManagementClient } from '../../src/client/management.ts'
import { findEstate } from '../../src/estate/find.ts'
import { changeRootKeys } from '../../src/estate/root-key-file.ts'
import { addKey, ensureFreshKey } from '../../src/root-keys/add.ts'
import type { Shell } from '../../src/shell.ts'
import { temporaryFolder } from '../folder.ts'
import { playIdp } from '../idp.ts'
import { noon } from '../keyring.ts'
import { run } from '../shell.ts'

const old = `${'0a'.repeat(32)}\n`
const both = addRootKey(old)

/** A home whose IdP, or backend for frontend, lists root keys as it is told. */
async function homeWith(text: string, list: () => object[], of?: 'bff') {
  const answer = (response: ServerResponse) => response.end(JSON.stringify({ keys: list() }))
  const idp = await playIdp({ [of === 'bff' ? 'GET /internal/root-keys' : 'GET /root-keys']: answer })
  const folder = temporaryFolder()
  const path = join(folder, of ?? '', 'root.key')
  mkdirSync(dirname(path), { recursive: true })
  const credential = { clientId: 'a', clientSecret: 'secret' }
  writeFileSync(
    join(folder, 'estate.json'),
    JSON.stringify({ idp: idp.url, bff: idp.url, apis: [], admin: credential, agent: credential }),
  )
  writeFileSync(path, text)
  utimesSync(path, noon / 1_000, noon / 1_000)
  const env = { REKEY_HOME: folder }
  return {
    path,
    read: () => readFileSync(path, 'utf8'),
    rekey: (...words: string[]) => run(words, env),
    /** @param at what time it is */
    act<T>(what: (client: ManagementClient, shell: Shell) => Promise<T>, at = noon): Promise<T> {
      const part = { env, folder, now: () => at, fetch, interruption: () => new AbortController().signal }
      const shell = part as Partial<Shell> as Shell
      return what(new ManagementClient(findEstate(env, folder), shell), shell)
    },
    close: idp.close,
  }
}

const shown = (id: string | undefined, sealing: boolean, keys: number) => ({
  id,
  sealing,
  heldByAll: true,
  sealed: keys,
  keys,
})

test('the root key that was removed is the one that the IdP no longer needs, wherever it stands in the file', async () => {
  const [newest, oldest] = rootKeyIds(both)
  const swapped = both.trim().split('\n').reverse().join('\n')
  const home = await homeWith(swapped, () => [shown(newest, true, 3), shown(oldest, false, 0)])
  const { code, stdout } = await home.rekey('root-key', 'remove-old', '--json')
  await home.close()
  assert.deepEqual([code, JSON.parse(stdout).removed], [0, [oldest]])
  assert.deepEqual(rootKeyIds(home.read()), [newest])
})

test('the root key of the backend for frontend is replaced in its own file, and what it no longer needs removed', async () => {
  const home = await homeWith(old, () => rootKeyIds(home.read()).map((id, place) => shown(id, place === 0, 0)), 'bff')
  const added = await home.rekey('root-key', 'add', '--bff', '--json')
  const [newest, oldest] = rootKeyIds(home.read())
  assert.deepEqual([added.code, JSON.parse(added.stdout).keys.length], [0, 2])
  const removed = await home.rekey('root-key', 'remove-old', '--bff', '--json')
  assert.deepEqual([removed.code, JSON.parse(removed.stdout).removed], [0, [oldest]])
  assert.deepEqual(rootKeyIds(home.read()), [newest])
  const { code, stderr } = await home.rekey('root-key', 'add')
  await home.close()
  assert.equal(code, 1)
  assert.match(stderr, /root\.key does not exist: there is no estate/)
  assert.deepEqual(rootKeyIds(home.read()), [newest])
})

test('no root key is added while nobody can be asked who would take it', async () => {
  const home = await homeWith(old, () => [])
  await home.close()
  assert.equal((await home.rekey('root-key', 'add')).code, 3)
  assert.equal((await home.rekey('root-key', 'add', '--bff')).code, 1)
  assert.equal(home.read(), old)
})

test('no root key is removed when the file was changed after the IdP was asked', async () => {
  const [newest, oldest] = rootKeyIds(both)
  const three = addRootKey(both)
  const home = await homeWith(both, () => {
    writeFileSync(home.path, three)
    return [shown(newest, true, 3), shown(oldest, false, 0)]
  })
  const { code, stderr } = await home.rekey('root-key', 'remove-old')
  await home.close()
  assert.equal(code, 4)
  assert.match(stderr, /not those that the IdP holds.*Nothing was removed/)
  assert.equal(home.read(), three)
})

test('two commands do not change the root keys at the same moment', async () => {
  const [newest, oldest] = rootKeyIds(both)
  const home = await homeWith(both, () => [shown(newest, true, 3), shown(oldest, false, 0)])
  changeRootKeys(home.path, (text) => {
    assert.ok(existsSync(`${home.path}.lock`))
    assert.throws(() => changeRootKeys(home.path, addRootKey), { code: 'FAILED', message: /another command/ })
    return text
  })
  assert.equal(existsSync(`${home.path}.lock`), false)
  assert.equal((await home.rekey('root-key', 'remove-old')).code, 0)
  await home.close()
})

test('whoever tries again is given no other root key while no key was sealed by the new one', async () => {
  let keys = 0
  const home = await homeWith(both, () => rootKeyIds(home.read()).map((id, place) => shown(id, place === 0, keys)))
  await home.act(ensureFreshKey)
  assert.equal(home.read(), both)
  keys = 1
  await home.act(ensureFreshKey)
  const third = home.read()
  assert.deepEqual(rootKeyIds(third).slice(1), rootKeyIds(both))
  await home.close()
})

test('a root key that has stood in the file for long, or alone, is not taken for a new one', async () => {
  const home = await homeWith(both, () => rootKeyIds(home.read()).map((id, place) => shown(id, place === 0, 0)))
  await home.act(ensureFreshKey, noon + 3_600_000)
  assert.equal(rootKeyIds(home.read()).length, 3)
  await home.close()
  const alone = await homeWith(old, () => rootKeyIds(alone.read()).map((id, place) => shown(id, place === 0, 0)))
  await alone.act(ensureFreshKey)
  assert.equal(rootKeyIds(alone.read()).length, 2)
  assert.equal((await alone.act(addKey)).length, 3)
  await alone.close()
})
