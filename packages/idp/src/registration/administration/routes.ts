import type { App } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import { clientRoutes } from './clients.ts'
import { initialTokenRoutes } from './initial-tokens.ts'
import { clientSecretRoute } from './secret.ts'

/** Who may register, and what is registered: for administrators. */
export function registrationAdministration(app: App, instance: Instance): void {
  initialTokenRoutes(app, instance)
  clientRoutes(app, instance)
  clientSecretRoute(app, instance)
}
