import { randomBytes } from 'node:crypto'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Material } from '../lifecycle/version.ts'
import { servedEverywhere, untilNothingHangs } from './counted.ts'
import type { InstanceKind } from './kind.ts'
import { randomMaterial } from './random.ts'

/**
 * A secret salt of hashes that are stored. What is looked up is hashed with every accepted version; what is found under
 * another one than the active is hashed anew.
 *
 * Propagated: every live instance serves it, so that each finds what another one stores.
 * Drained: no stored hash was made with it. Where those are not counted: what they are of is over, by every clock.
 */
export const salt: InstanceKind = {
  name: 'salt',
  holder: 'instances',
  standby: true,
  acceptsByPrivate: true,
  propagated: servedEverywhere,
  drained: untilNothingHangs(['stored hash', 'stored hashes'], 'hashes made with'),
}

/**
 * Makes a salt: 256 random bits in base64url, in the private part of its version. The secret is that text.
 *
 * @param random where the bytes come from
 */
export async function makeSalt(
  { name }: Pick<Keyring, 'name'>,
  random: (bytes: number) => Buffer = randomBytes,
): Promise<Material> {
  return randomMaterial(name, random)
}
