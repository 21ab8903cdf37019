import { type App, type Asked, keyringRoutes } from '@rekey/service'
import { columnsKeyring } from '../columns/list.ts'
import type { ColumnKeyring } from '../columns/open.ts'
import { IdpError } from '../error.ts'
import { type Authorised, requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'

/** Administration of the keyrings: those that sign, and the one that encrypts columns. */
export function idpKeyringRoutes(app: App, instance: Instance): void {
  keyringRoutes(app, instance, {
    path: '/api/v1/keyrings',
    read: requireScope(instance, 'keyrings:read'),
    write: requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' }),
    contain: requireScope(instance, 'keyrings:write', { whileFrozen: 'allowed' }),
    actorOf: (request: Authorised) => request.caller.clientId,
    async before(asked) {
      instance.freeze.requireNoneBut(asked.incident)
      if (asked.keyring === columnsKeyring) await beforeColumns(instance.columnKeys, asked.act)
    },
    refuses: {
      prepare: codes('KEY_FROM_SOURCE'),
      rotate: codes('KEY_FROM_SOURCE'),
      rollback: codes('KEY_FROM_SOURCE'),
      revoke: codes('ADMINISTRATION_FROZEN'),
    },
  })
}

/** Where keys come from a source, one is written there before a rotation is asked for; the rest is the business of its owner. */
async function beforeColumns({ source, writeSuccessor }: ColumnKeyring, act: Asked['act']): Promise<void> {
  if (!source) return
  if (act === 'rotate') return writeSuccessor()
  if (act !== 'prepare' && act !== 'rollback') return
  const { variable } = source
  const message = `keys of ${columnsKeyring} come from ${variable}: they are rotated, and neither prepared nor brought back here`
  throw new IdpError('KEY_FROM_SOURCE', message, { facts: { variable } })
}
