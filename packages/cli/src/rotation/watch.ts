import { activeOf, type KeyringView } from '../client/keyring.ts'
import { readKeyring } from '../client/keyrings.ts'
import type { ManagementClient } from '../client/management.ts'
import { CliError } from '../error.ts'
import type { Followed } from './follow.ts'
import { milestones, type Until } from './milestones.ts'

/** Which rotation is followed, and from which version it leads away. */
export interface Watched {
  name: string
  from: string | undefined
  until: Until
}

/** A rotation, to be followed until it has come as far as asked. */
export function rotationOf(client: ManagementClient, watched: Watched): Followed<KeyringView> {
  const { name, from, until } = watched
  return {
    look: () => readKeyring(client, name),
    path: (keyring, now) => milestones(keyring, from, until, now),
    refuseGivenUp: (keyring) => refuseGivenUp(keyring, watched),
    goesOn: `the rotation of ${name} goes on by itself`,
    facts: { keyring: name },
  }
}

/** Discarding the standby that a rotation waits for ends it, as does rolling back: nothing would come of waiting. */
function refuseGivenUp(keyring: KeyringView, { name, from }: Watched): void {
  if (keyring.rotation !== undefined || activeOf(keyring)?.id !== from) return
  const text = `the rotation of ${name} was given up: ${from ?? 'no version'} is active, and no rotation is under way`
  throw new CliError('FAILED', text, { keyring: name, active: from })
}
