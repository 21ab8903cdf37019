import type { App } from '@rekey/service'
import type { Instance } from '../../instance.ts'
import { keyRoutes } from './routes/keys.ts'
import { probeRoute } from './routes/probe.ts'
import { readRoutes } from './routes/read.ts'
import { sessionsRoute } from './routes/sessions.ts'

/** What is done about an incident, step by step. Each may be asked for again: what is done already is found done. */
export function remedyRoutes(app: App, instance: Instance): void {
  probeRoute(app, instance)
  keyRoutes(app, instance)
  sessionsRoute(app, instance)
  readRoutes(app, instance)
}
