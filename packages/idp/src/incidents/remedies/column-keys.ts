import type { Plan } from '@rekey/breakglass'
import { activeVersion, changeKeyring, isAccepted, type Keyring, prepare, requestRevocation } from '@rekey/keyring'
import { columnsKeyring } from '../../columns/list.ts'
import type { Instance } from '../../instance.ts'
import type { Caller } from '../../tokens/opaque.ts'
import { causeOf } from './revoke.ts'

/**
 * Where what is stored may have leaked with its root key, so have the keys of encrypted columns that lie sealed there: all that
 * were there when the incident was opened, under whichever root key they lie by now. Another one takes over, and each is revoked
 * when no value hangs on it any more: to refuse it earlier would take the data from its owner, and nothing from the thief. Nobody
 * waits for that here. Keys that come from a source were never stored.
 */
export async function replaceColumnKeys(
  { store, hands, loop }: Instance,
  plan: Plan,
  openedAt: number,
  { clientId }: Pick<Caller, 'clientId'>,
): Promise<void> {
  const keyring = await store.load(columnsKeyring)
  if (!keyring || exposedIn(keyring, openedAt).length === 0) return
  const cause = causeOf(plan)
  if (lacksSuccessor(keyring, openedAt)) {
    const material = await hands.make(keyring)
    await changeKeyring(store, columnsKeyring, (current, now) => prepare(current, material, now), {
      action: 'keyring.prepared',
      actor: 'rekey',
      details: { version: material.id, incident: plan.incident },
    })
  }
  for (const { id } of exposedIn(keyring, openedAt)) {
    const request = { by: clientId, ...cause }
    await changeKeyring(store, columnsKeyring, (current, now) => requestRevocation(current, id, request, now), {
      action: 'keyring.revocation_requested',
      actor: clientId,
      details: { version: id, ...cause },
    })
  }
  loop.poke()
}

/** What is in reserve comes first, or one of these would take over. */
function exposedIn({ versions }: Keyring, openedAt: number): Keyring['versions'] {
  const exposed = versions.filter(
    (version) => isAccepted(version) && !version.isGiven && !version.revocation && version.preparedAt < openedAt,
  )
  return exposed.toSorted((one, other) => Number(other.state === 'prepared') - Number(one.state === 'prepared'))
}

function lacksSuccessor(keyring: Keyring, openedAt: number): boolean {
  const active = activeVersion(keyring)
  const isGood = ({ state, revocation, preparedAt }: Keyring['versions'][number]) =>
    state === 'prepared' && !revocation && preparedAt >= openedAt
  return active !== undefined && !active.isGiven && active.preparedAt < openedAt && !keyring.versions.some(isGood)
}
