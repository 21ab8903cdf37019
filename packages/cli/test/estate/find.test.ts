import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { CliError } from '../../src/error.ts'
import { findEstate } from '../../src/estate/find.ts'
import { temporaryFolder } from '../folder.ts'

const admin = { clientId: 'admin', clientSecret: 'sk_live_admin' }
const document = { idp: 'http://localhost:8002/', apis: ['http://localhost:8081'], admin, agent: admin, later: 'kept' }
const elsewhere = { REKEY_IDP: 'https://id.example', REKEY_CLIENT_ID: 'ops', REKEY_CLIENT_SECRET: 'secret' }

function home(content: string): string {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'estate.json'), content)
  return folder
}

function codeOf(find: () => unknown): string {
  try {
    find()
  } catch (error) {
    if (error instanceof CliError) return error.code
    throw error
  }
  return 'found'
}

test('the estate of REKEY_HOME is found, its addresses without a slash at the end', () => {
  const estate = findEstate({ REKEY_HOME: home(JSON.stringify(document)) }, '/')
  assert.equal(estate.idp, 'http://localhost:8002')
  assert.deepEqual(estate.admin, admin)
})

test('without REKEY_HOME the estate of .rekey in the current folder is found', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, '.rekey'))
  writeFileSync(join(folder, '.rekey/estate.json'), JSON.stringify(document))
  assert.equal(findEstate({}, folder).idp, 'http://localhost:8002')
})

test('an estate elsewhere goes before the one in the home', () => {
  const estate = findEstate({ ...elsewhere, REKEY_HOME: home(JSON.stringify(document)) }, '/')
  assert.equal(estate.idp, 'https://id.example')
  assert.deepEqual(estate.admin, { clientId: 'ops', clientSecret: 'secret' })
})

test('an estate elsewhere that is named by halves, or not by a URL, is wrong use', () => {
  assert.equal(
    codeOf(() => findEstate({ ...elsewhere, REKEY_CLIENT_SECRET: '' }, '/')),
    'WRONG_USE',
  )
  assert.equal(
    codeOf(() => findEstate({ ...elsewhere, REKEY_IDP: 'id.example' }, '/')),
    'WRONG_USE',
  )
})

test('the APIs of an estate elsewhere are the addresses of what break-glass is told', () => {
  const [a, b] = ['https://a', 'https://b']
  const texts: [string, string[]][] = [
    ['https://a # x', [a]],
    ['# https://x, https://y\nhttps://a\n\ndns:https://b:8443/v1 library=jose # https://z\n', [a, `${b}:8443/v1`]],
    ['https://a path=/me?f=a,b', [a]],
    ['https://a path=/me,https://b library=jose', [a, b]],
    ['https://a path=/me,dns:https://b', [a, b]],
    ['https://a,https://b', [a, b]],
    ['https://a, https://b', [a, b]],
    ['https://a,\nhttps://b,', [a, b]],
    ['', []],
  ]
  for (const [text, urls] of texts) {
    assert.deepEqual(findEstate({ ...elsewhere, REKEY_APIS: text }, '/').apis, urls, text)
  }
  assert.equal(
    codeOf(() => findEstate({ ...elsewhere, REKEY_APIS: 'https://a, orders.internal' }, '/')),
    'WRONG_USE',
  )
})

test('no estate and a damaged file are told apart, and the file is never quoted', () => {
  assert.equal(
    codeOf(() => findEstate({ REKEY_HOME: '/nowhere/at/all' }, '/')),
    'NO_ESTATE',
  )
  for (const damaged of ['{"admin": {"clientSecret": "sk_live_x"', '{"admin": {"clientSecret": "sk_live_x"}}']) {
    const find = () => findEstate({ REKEY_HOME: home(damaged) }, '/')
    assert.throws(find, (error: CliError) => error.code === 'ESTATE_UNREADABLE' && !String(error).includes('sk_live_x'))
  }
})

test('the token of a backend elsewhere is taken as the backend takes it: itself, or the newest in a file', () => {
  const folder = temporaryFolder()
  writeFileSync(join(folder, 'token'), 'newest\nolder\n')
  const bff = { ...elsewhere, REKEY_BFF: 'https://bff.example' }
  const found = (env: Record<string, string>) => findEstate({ ...bff, ...env }, folder).bffToken
  assert.equal(found({}), undefined)
  assert.equal(found({ REKEY_BFF_ADMIN_TOKEN: 'newest,older' }), 'newest')
  assert.equal(found({ REKEY_BFF_ADMIN_TOKEN: 'file:token' }), 'newest')
  assert.equal(found({ REKEY_BFF_ADMIN_TOKEN_FILE: join(folder, 'token') }), 'newest')
  assert.equal(
    codeOf(() => found({ REKEY_BFF_ADMIN_TOKEN_FILE: 'nowhere' })),
    'WRONG_USE',
  )
  const own = home(JSON.stringify({ ...document, bff: 'http://localhost:8000' }))
  assert.equal(findEstate({ REKEY_HOME: own, REKEY_BFF_ADMIN_TOKEN: 'of another one' }, '/').bffToken, undefined)
})
