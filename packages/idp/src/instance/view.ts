import { openAuditedView, ownAddressOf, renewalOf } from '@rekey/service'
import { gather } from '../audit/gathered.ts'
import { systemClock } from '../clock.ts'
import { incidentRunner } from '../incidents/runner.ts'
import type { Held } from './held.ts'
import type { Keyrings } from './keyrings.ts'
import type { Opening } from './opening.ts'
import { viewerOf } from './viewer.ts'

/**
 * The view of the database, by which all that is held is read for the first time, and what leans on it.
 *
 * @param confirmed is told that others know what was applied
 */
export async function openViewed(
  { config, connections, roots, opened, log }: Opening,
  { settle, ensure, columnKeys }: Keyrings,
  held: Held,
  confirmed: () => void,
) {
  const { connection, control } = connections
  const viewer = viewerOf(held, renewalOf(roots.rootKeys, settle, ensure), confirmed, log)
  const announced = { ...roots, alsoHeld: columnKeys.held.announce }
  const { view, audit } = await openAuditedView(config, control, announced, viewer, log)
  opened(view)
  opened(audit)
  const untold = (error: unknown) => log.error({ err: error }, 'refusals could not be written to the audit')
  const gathered = opened(gather(control.db, systemClock, untold))
  const incidents = opened(incidentRunner(config, connection.db, ownAddressOf(config), log))
  return { audit, gathered, incidents, view }
}
