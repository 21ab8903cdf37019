import assert from 'node:assert/strict'
import { test } from 'node:test'
import { z } from 'zod'
import { readEnvironment, serviceSettingsOf, serviceVariables } from '../../src/index.ts'

const needed = { DATABASE_URL: 'postgres://localhost/pooled', REKEY_ROOT_KEY: 'env:ROOT' }
const read = (env: NodeJS.ProcessEnv) => serviceSettingsOf(readEnvironment(z.object(serviceVariables(8123)), env))

test('a service listens at this machine only, tells its metrics to nobody else, believes no proxy and reaches its database in one way, unless it is told otherwise', () => {
  assert.deepEqual(read(needed), {
    host: 'localhost',
    port: 8123,
    databaseUrl: needed.DATABASE_URL,
    databaseDirectUrl: needed.DATABASE_URL,
    databaseOwnerUrl: undefined,
    rootKeySource: 'env:ROOT',
    revocationJournal: undefined,
    auditCheckpoints: undefined,
    trustedProxies: [],
    metricsFrom: [],
    inventoryFile: undefined,
    logLevel: 'info',
  })
  const direct = 'postgres://localhost/direct'
  assert.equal(read({ ...needed, DATABASE_DIRECT_URL: direct }).databaseDirectUrl, direct)
})

test('a service does not start where secrets would leave this machine in plaintext', () => {
  assert.throws(() => read({ ...needed, REKEY_HOST: '0.0.0.0' }), { code: 'CONFIG_INVALID', message: /^REKEY_HOST/ })
})
