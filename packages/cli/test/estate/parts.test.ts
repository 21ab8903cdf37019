import assert from 'node:assert/strict'
import { test } from 'node:test'
import { homeOf } from '../../src/estate/home.ts'
import { idpPart } from '../../src/estate/parts.ts'
import { portsOf } from '../../src/estate/ports.ts'

const credential = { clientId: 'id', clientSecret: 'secret' }
const clients = { admin: credential, agent: credential, verifiers: [credential, credential] as [never, never] }
const env = { DATABASE_DIRECT_URL: 'postgres://shell' }
const plan = { home: homeOf({}, '/work'), ports: portsOf({}), clients, env }
const urls = { serviceUrl: 'postgres://service', ownerUrl: 'postgres://owner' }

function databaseVariables(variables: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('DATABASE_')))
}

test('an IdP on the embedded database is not told of another one that the shell names', () => {
  assert.deepEqual(databaseVariables(idpPart(plan, urls).env), { DATABASE_URL: 'postgres://service' })
})

test('an IdP behind a pooler is told the direct way too, and never the owner’s', () => {
  assert.deepEqual(databaseVariables(idpPart(plan, { ...urls, directUrl: 'postgres://direct' }).env), {
    DATABASE_URL: 'postgres://service',
    DATABASE_DIRECT_URL: 'postgres://direct',
  })
})
