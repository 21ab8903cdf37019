import { databaseKeyringStore, databaseNow, type InstanceView } from '@rekey/database'
import { type Evidence, type Gate, issuanceGate, unknownKeyring } from '@rekey/keyring'
import { evidenceFor, verifiersSeen } from '../keyrings/evidence.ts'
import type { IdpDatabase } from '../tables.ts'
import { type Issuance, type IssuanceChange, loadIssuance, type Move, saveIssuance } from './store.ts'

type View = Pick<InstanceView, 'live' | 'doubtMs'>

/**
 * Makes the move that was asked for if its gate is open. Any number of instances do this at each beat; one makes it, and
 * the others find that there is nothing to do.
 *
 * The gate is looked at once more under the lock of the save: an instance that was paused must not act on what it saw
 * before, because a verifier that does not allow the algorithm may have come meanwhile.
 *
 * @returns what stands now; with `move`, if that still waits
 */
export async function carryOutMove(db: IdpDatabase, view: View): Promise<Issuance> {
  for (;;) {
    const issuance = await loadIssuance(db)
    const { move } = issuance
    if (!move) return issuance
    const gate = await moveGate(db, move, () => evidenceFor(db, view))
    if (!gate.open) return issuance
    const moved = await saveIssuance(
      db,
      issuance,
      { keyring: move.to },
      aboutMove(issuance, move),
      async (transaction) => {
        // Not the instances: reading them takes another connection, and whether they serve the key stands in its document.
        const observe = async () => ({ instances: [], verifiers: await verifiersSeen(transaction, view) })
        return (await moveGate(transaction, move, observe)).open
      },
    )
    if (moved) return moved
  }
}

/** What a move waits for. The parties are looked at after the document that they are held against. */
export async function moveGate(db: IdpDatabase, move: Move, observe: () => Promise<Evidence>): Promise<Gate> {
  const target = await databaseKeyringStore(db).load(move.to)
  if (!target) throw unknownKeyring(move.to)
  const evidence = await observe()
  return issuanceGate(target, evidence, await databaseNow(db), move)
}

function aboutMove({ keyring }: Issuance, { by, forced, reason }: Move): IssuanceChange {
  const details = { from: keyring, forced, requestedBy: by, ...(reason === undefined ? {} : { reason }) }
  return { action: 'issuance.moved', actor: 'rekey', details }
}
