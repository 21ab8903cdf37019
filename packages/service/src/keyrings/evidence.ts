import type { InstanceRow, InstanceView } from '@rekey/database'
import type { Evidence } from '@rekey/keyring'

/** The live instances of a service, as evidence about its keyrings. */
export async function liveInstances(view: Pick<InstanceView, 'live'>): Promise<Evidence['instances']> {
  return (await view.live()).map((row) => ({ ...row, id: nameOf(row) }))
}

/** As operators know it; two may follow each other at one address. */
function nameOf({ address, id }: InstanceRow): string {
  return `${address} (${id.slice(0, 8)})`
}
