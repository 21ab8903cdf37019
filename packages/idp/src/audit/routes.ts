import { type App, auditRoutes } from '@rekey/service'
import { type Authorised, requireScope } from '../http/authorise.ts'
import type { Instance } from '../instance.ts'
import { sees } from './sees.ts'

/** The audit, to each organization as far as it concerns it. */
export function auditReadingRoutes(app: App, instance: Instance): void {
  auditRoutes(app, instance, {
    path: '/api/v1/audit',
    read: requireScope(instance, 'audit:read'),
    sees: ({ caller }: Authorised) => sees(caller),
  })
}
