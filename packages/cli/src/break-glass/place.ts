import type { InstanceAddress } from '@rekey/breakglass'

/** An instance as the operator named it, with the address where the name has several. */
export function placeOf({ url, address }: Pick<InstanceAddress, 'url' | 'address'>): string {
  return address === undefined ? url : `${url} (${address})`
}
