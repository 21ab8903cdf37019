import type { Idp } from '../estate/idp.ts'
import type { Crowds } from './crowds.ts'

/** Begins to watch. What it returns tells in one line what went wrong since: `none` when nothing did. */
export async function watchTroubles(crowds: Crowds, idp: Idp): Promise<() => Promise<string>> {
  const overloaded = () => idp.metric('rekey_refusals_total', 'code="OVERLOADED"')
  const overloadedBefore = await overloaded()
  await crowds.troubles()
  return async () => {
    const { problems, leasesLost } = await crowds.troubles()
    const turnedAway = (await overloaded()) - overloadedBefore
    const named = [...problems].map(([name, count]) => `${count} × ${name}`)
    if (leasesLost > 0) named.push(`${leasesLost} leases lost`)
    if (turnedAway > 0) named.push(`${turnedAway} requests turned away (OVERLOADED)`)
    return named.join(', ') || 'none'
  }
}
