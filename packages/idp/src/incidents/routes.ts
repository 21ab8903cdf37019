import type { App } from '@rekey/service'
import type { Instance } from '../instance.ts'
import { carryOutRoutes } from './routes/carry-out.ts'
import { freezeRoutes } from './routes/freeze.ts'
import { openRoute } from './routes/open.ts'
import { readRoutes } from './routes/read.ts'
import { runRoute } from './routes/run.ts'

/** The journal of incidents, and the freeze. All of it goes on while administration is frozen. */
export function incidentRoutes(app: App, instance: Instance): void {
  openRoute(app, instance)
  readRoutes(app, instance)
  carryOutRoutes(app, instance)
  freezeRoutes(app, instance)
  runRoute(app, instance)
}
