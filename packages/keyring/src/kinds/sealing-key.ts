import { randomBytes } from 'node:crypto'
import type { Keyring } from '../lifecycle/keyring.ts'
import type { Material } from '../lifecycle/version.ts'
import { servedEverywhere, underWayMs, untilNothingHangs } from './counted.ts'
import type { InstanceKind } from './kind.ts'
import { randomMaterial } from './random.ts'

/**
 * A key that our own instances seal and open by, or authenticate what comes back to them: cookies, the state of a login,
 * CSRF tokens.
 *
 * Propagated: every live instance serves it; nobody else needs it.
 * Drained: no session hangs on it any more, and none has for a while: a browser may have sent a cookie by it a moment before it
 * got the next. Where sessions are not counted: what it sealed is over, by every clock.
 */
export const sealingKey: InstanceKind = {
  name: 'sealing-key',
  holder: 'instances',
  standby: true,
  acceptsByPrivate: true,
  propagated: servedEverywhere,
  drained: untilNothingHangs(['live session', 'live sessions'], 'what was sealed by', underWayMs),
}

/**
 * Makes a sealing key: 256 random bits in base64url, in the private part of its version. The secret is that text.
 *
 * @param random where the bytes come from
 */
export async function makeSealingKey(
  { name }: Pick<Keyring, 'name'>,
  random: (bytes: number) => Buffer = randomBytes,
): Promise<Material> {
  return randomMaterial(name, random)
}
