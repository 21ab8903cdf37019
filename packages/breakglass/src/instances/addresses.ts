import { lookup as systemLookup } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { ApiTarget } from '../incident/plan.ts'
import type { InstanceAddress } from './verdict.ts'

/** The addresses of a name. */
export type Lookup = (name: string) => Promise<string[]>

/** As the system resolves it: with its hosts file and its search domains, which short names in a cluster need. */
const system: Lookup = async (name) => (await systemLookup(name, { all: true })).map(({ address }) => address)

/**
 * The instances that targets stand for: one each, or one for each address of the name. A name that does not resolve stays,
 * as an instance that cannot be reached.
 */
export async function instancesOf(targets: readonly ApiTarget[], lookup: Lookup = system): Promise<InstanceAddress[]> {
  const found = await Promise.all(targets.map((target) => instancesAt(target, lookup)))
  const byPlace = new Map(found.flat().map((one) => [`${one.url} ${one.address ?? ''} ${one.path}`, one]))
  return [...byPlace.values()]
}

async function instancesAt(target: ApiTarget, lookup: Lookup): Promise<InstanceAddress[]> {
  const { url, path, library, everyAddress } = target
  const instance: InstanceAddress = { url, path, ...(library !== undefined && { library }) }
  const name = new URL(url).hostname.replace(/^\[|\]$/g, '')
  if (!everyAddress || isIP(name) !== 0) return [instance]
  // What became of the name is found, and told, when the instance is called by it.
  const addresses = await lookup(name).catch(() => [])
  if (addresses.length === 0) return [instance]
  return [...new Set(addresses)].toSorted().map((address) => ({ ...instance, address }))
}
