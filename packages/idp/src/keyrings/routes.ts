import { type App, keyringRoutes } from '@rekey/service'
import { type Authorised, requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { codes } from '../openapi/errors.ts'

/** Administration of the signing keyrings. */
export function signingKeyringRoutes(app: App, instance: Instance): void {
  keyringRoutes(app, instance, {
    path: '/api/v1/keyrings',
    read: requireScope(instance, 'keyrings:read'),
    write: requireScope(instance, 'keyrings:write', { whileFrozen: 'refused' }),
    contain: requireScope(instance, 'keyrings:write', { whileFrozen: 'allowed' }),
    actorOf: (request: Authorised) => request.caller.clientId,
    before: ({ incident }) => instance.freeze.requireNoneBut(incident),
    refuses: { revoke: codes('ADMINISTRATION_FROZEN') },
  })
}
