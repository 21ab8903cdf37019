import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { CliError } from '../../src/error.ts'
import { ensureBffFiles } from '../../src/estate/bff-files.ts'
import { writeClientProfiles } from '../../src/estate/client-profiles.ts'
import { ensureClients } from '../../src/estate/clients.ts'
import { ensureDatabaseFolder, type Home, homeOf, makeHome } from '../../src/estate/home.ts'
import { ensureRootKey } from '../../src/estate/root-key.ts'
import { temporaryFolder } from '../folder.ts'

function newHome(): Home {
  const home = homeOf({ REKEY_HOME: join(temporaryFolder(), 'deep/home') }, '/')
  makeHome(home)
  return home
}

function mode(path: string): number {
  return statSync(path).mode & 0o777
}

test('a home is closed to others, also one that was open before', () => {
  const home = newHome()
  assert.equal(mode(home.folder), 0o700)
  chmodSync(home.folder, 0o755)
  makeHome(home)
  assert.equal(mode(home.folder), 0o700)
})

test('the root key is 32 random bytes as hex that only the owner reads, and is never replaced', () => {
  const home = newHome()
  ensureRootKey(home.rootKeyFile)
  const key = readFileSync(home.rootKeyFile, 'utf8')
  assert.match(key, /^[0-9a-f]{64}\n$/)
  assert.equal(mode(home.rootKeyFile), 0o600)
  ensureRootKey(home.rootKeyFile)
  assert.equal(readFileSync(home.rootKeyFile, 'utf8'), key)
  writeFileSync(home.rootKeyFile, 'damaged')
  ensureRootKey(home.rootKeyFile)
  assert.equal(readFileSync(home.rootKeyFile, 'utf8'), 'damaged')
})

test('a lost root key is not replaced where there is a database already', () => {
  const withDatabase = newHome()
  ensureDatabaseFolder(withDatabase)
  const withClients = newHome()
  ensureClients(withClients)
  for (const home of [withDatabase, withClients]) {
    assert.throws(
      () => ensureRootKey(home.rootKeyFile),
      (error: CliError) => error.code === 'ROOT_KEY_MISSING' && /restore it from your backup/.test(error.message),
    )
    assert.equal(existsSync(home.rootKeyFile), false)
  }
})

test('the clients are made once and stay the same, in a file that only the owner reads', () => {
  const home = newHome()
  const clients = ensureClients(home)
  assert.deepEqual(ensureClients(home), clients)
  assert.equal(mode(home.clientsFile), 0o600)
  const ids = [clients.admin, clients.agent, ...clients.verifiers].map(({ clientId }) => clientId)
  assert.equal(new Set(ids).size, 4)
  assert.match(clients.agent.clientSecret, /^sk_live_[0-9a-f]{64}$/)
  assert.deepEqual(readdirSync(home.folder).sort(), ['clients.json', 'logs'])
})

test('what the backend for frontend asks about tokens by is made once too, also in the file of a release that had none', () => {
  const home = newHome()
  const { bff, ...others } = ensureClients(home)
  writeFileSync(home.clientsFile, JSON.stringify(others))
  const { bff: added, ...kept } = ensureClients(home)
  assert.deepEqual(kept, others)
  assert.notEqual(added.clientId, bff.clientId)
  assert.deepEqual(ensureClients(home).bff, added)
})

test('the backend’s files are closed to others; its root key is its own, and is not replaced when it is lost', () => {
  const home = newHome()
  ensureRootKey(home.rootKeyFile)
  const clients = ensureClients(home)
  ensureBffFiles(home.bff, clients)
  for (const file of [home.bff.rootKeyFile, home.bff.clientSecretFile]) assert.equal(mode(file), 0o600)
  for (const folder of [home.bff.folder, home.bff.keysFolder]) assert.equal(mode(folder), 0o700)
  const key = readFileSync(home.bff.rootKeyFile, 'utf8')
  assert.notEqual(key, readFileSync(home.rootKeyFile, 'utf8'))
  ensureBffFiles(home.bff, clients)
  assert.equal(readFileSync(home.bff.rootKeyFile, 'utf8'), key)
  rmSync(home.bff.rootKeyFile)
  assert.throws(() => ensureBffFiles(home.bff, clients), { code: 'ROOT_KEY_MISSING' })
  assert.equal(existsSync(home.bff.rootKeyFile), false)
})

test('the profile of the backend stands beside those that the shell names', () => {
  const home = newHome()
  const profilesIn = (path: string) => Object.keys(JSON.parse(readFileSync(path, 'utf8')).profiles)
  assert.deepEqual(profilesIn(writeClientProfiles({}, home)), ['bff'])
  const own = join(home.folder, 'own.json')
  writeFileSync(own, JSON.stringify({ profiles: { mobile: { based_on: 'spa' } } }))
  assert.deepEqual(profilesIn(writeClientProfiles({ REKEY_CLIENT_PROFILES: own }, home)), ['bff', 'mobile'])
  writeFileSync(own, '{ damaged')
  assert.equal(writeClientProfiles({ REKEY_CLIENT_PROFILES: own }, home), own)
})

test('the user is made once too, also in the file of a release that had none, which keeps its clients', () => {
  const home = newHome()
  const { user, ...others } = ensureClients(home)
  assert.equal(user.username, 'admin')
  assert.match(user.password, /^[\w-]{24}$/)
  writeFileSync(home.clientsFile, JSON.stringify(others))
  const { user: added, ...kept } = ensureClients(home)
  assert.deepEqual(kept, others)
  assert.notEqual(added.password, user.password)
  assert.deepEqual(ensureClients(home).user, added)
  assert.equal(mode(home.clientsFile), 0o600)
})

test('damaged clients are refused without quoting them, instead of being replaced in silence', () => {
  for (const damaged of ['{"admin": "sk_live_secret', '{"admin": {"clientId": "sk_live_secret"}}']) {
    const home = newHome()
    writeFileSync(home.clientsFile, damaged)
    assert.throws(
      () => ensureClients(home),
      (error: CliError) => error.code === 'START_FAILED' && !error.message.includes('sk_live_secret'),
    )
  }
})

test('a home that is a file is an error', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'home'), '')
  assert.throws(() => makeHome(homeOf({ REKEY_HOME: join(folder, 'home') }, '/')), { code: 'EEXIST' })
})
