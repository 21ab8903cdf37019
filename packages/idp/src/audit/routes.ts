import type { App } from '@rekey/service'
import type { Instance } from '../instance.ts'
import { auditEvents } from './event.ts'
import { auditExport } from './export.ts'
import { auditList } from './list.ts'
import { auditVerification } from './verify.ts'

/** What happened, and the proofs that it is told as it was written down. */
export function auditRoutes(app: App, instance: Instance): void {
  for (const routes of [auditList, auditEvents, auditVerification, auditExport]) routes(app, instance)
}
