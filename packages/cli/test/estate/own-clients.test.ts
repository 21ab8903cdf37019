import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { homeOf, makeHome } from '../../src/estate/home.ts'
import { rememberPassword, rememberSecret } from '../../src/estate/own-clients.ts'
import { temporaryFolder } from '../folder.ts'

const admin = { clientId: 'admin', clientSecret: 'old' }
const agent = { clientId: 'agent', clientSecret: 'other' }

test('the new secret of a client of the home stands wherever the old one did, and only there', () => {
  const home = homeOf({}, temporaryFolder())
  makeHome(home)
  writeFileSync(home.clientsFile, JSON.stringify({ admin, agent, verifiers: [] }))
  writeFileSync(home.estateFile, JSON.stringify({ idp: 'http://localhost:8002', admin, agent }))
  assert.equal(rememberSecret(home, { clientId: 'admin', clientSecret: 'new' }), true)
  const renewed = { ...admin, clientSecret: 'new' }
  assert.deepEqual(read(home.clientsFile), { admin: renewed, agent, verifiers: [] })
  assert.deepEqual(read(home.estateFile), { idp: 'http://localhost:8002', admin: renewed, agent })
  assert.equal(statSync(home.clientsFile).mode & 0o777, 0o600)
})

test('the new secret of the backend for frontend goes into its file too, before the old one', () => {
  const home = homeOf({}, temporaryFolder())
  makeHome(home)
  const bff = { clientId: 'bff', clientSecret: 'old' }
  mkdirSync(home.bff.folder)
  writeFileSync(home.clientsFile, JSON.stringify({ admin, agent, bff }))
  writeFileSync(home.estateFile, JSON.stringify({ admin, agent, bff: 'http://localhost:8000' }))
  assert.equal(rememberSecret(home, { clientId: 'bff', clientSecret: 'new' }), true)
  assert.deepEqual(read(home.clientsFile), { admin, agent, bff: { ...bff, clientSecret: 'new' } })
  assert.deepEqual(read(home.estateFile), { admin, agent, bff: 'http://localhost:8000' })
  assert.equal(readFileSync(home.bff.clientSecretFile, 'utf8'), 'new\nold\n')
  assert.equal(statSync(home.bff.clientSecretFile).mode & 0o777, 0o600)
})

test('so does the new password of the home’s user, and nobody else’s', () => {
  const home = homeOf({}, temporaryFolder())
  makeHome(home)
  const user = { username: 'admin', password: 'old' }
  writeFileSync(home.clientsFile, JSON.stringify({ admin, agent, user }))
  writeFileSync(home.estateFile, JSON.stringify({ admin, agent, user }))
  const renewed = { username: 'admin', password: 'new' }
  assert.equal(rememberPassword(home, renewed), true)
  assert.equal(rememberPassword(home, { username: 'somebody', password: 'other' }), false)
  for (const file of [home.clientsFile, home.estateFile]) assert.deepEqual(read(file), { admin, agent, user: renewed })
})

test('a client that is not of the home changes nothing there', () => {
  const home = homeOf({}, temporaryFolder())
  assert.equal(rememberSecret(home, { clientId: 'admin', clientSecret: 'new' }), false)
  assert.equal(existsSync(home.clientsFile), false)
  makeHome(home)
  writeFileSync(home.clientsFile, JSON.stringify({ admin, agent }))
  assert.equal(rememberSecret(home, { clientId: 'somebody', clientSecret: 'new' }), false)
  assert.deepEqual(read(home.clientsFile), { admin, agent })
})

test('a damaged file is left as it is, and not quoted', () => {
  const home = homeOf({}, temporaryFolder())
  makeHome(home)
  writeFileSync(home.clientsFile, '{"admin": "old')
  assert.equal(rememberSecret(home, { clientId: 'admin', clientSecret: 'new' }), false)
  assert.equal(readFileSync(home.clientsFile, 'utf8'), '{"admin": "old')
})

function read(path: string): unknown {
  return JSON.parse(readFileSync(path, 'utf8'))
}
