import type { App } from '@rekey/service'
import type { Instance } from '../instance.ts'
import { createRoute, rotateRoute } from './routes/make.ts'
import { readRoutes } from './routes/read.ts'
import { revokeRoutes } from './routes/revoke.ts'

/** What agents authenticate by. A change is answered when every live instance goes by it. */
export function credentialRoutes(app: App, instance: Instance): void {
  for (const routes of [createRoute, readRoutes, rotateRoute, revokeRoutes]) routes(app, instance)
}
