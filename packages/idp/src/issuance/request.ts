import { type Keyring, unknownKeyring, verifiersRefusing } from '@rekey/keyring'
import { IdpError } from '../error.ts'
import type { Instance } from '../instance.ts'
import { isSigning } from '../signing/keys.ts'
import { carryOutMove } from './carry-out.ts'
import { type Issuance, loadIssuance, type Move, saveIssuance } from './store.ts'

/** Who wants tokens to be issued by which keyring. */
export type IssuanceRequest = Pick<Move, 'by' | 'forced' | 'reason'>

/**
 * Asks for tokens to be issued by a keyring from now on. The request is written down, so that it is carried out whatever
 * happens to this instance; it is tried once here. Asking for the keyring in use withdraws a move that still waits.
 *
 * @returns what stands now: with `move` if that waits for somebody, else confirmed by every live instance
 * @throws KeyringError `UNKNOWN_KEYRING`; IdpError `ALGORITHM_UNSUPPORTED` when a live verifier said that it does not
 *   allow the keyring's algorithm: then nothing was stored
 */
export async function requestIssuance(instance: Instance, name: string, asked: IssuanceRequest): Promise<Issuance> {
  const { store, view, connection } = instance
  const target = await store.load(name)
  // What seals columns signs no token.
  if (!target || !isSigning(target)) throw unknownKeyring(name)
  while (!(await ask(instance, target, asked))) {
    // Another writer was faster: what to ask for depends on what stands now.
  }
  const issuance = await carryOutMove(connection.db, view)
  if (!issuance.move) await view.everywhere(issuance.revision)
  return issuance
}

/** @returns false when another writer was faster */
async function ask(instance: Instance, target: Keyring, asked: IssuanceRequest): Promise<boolean> {
  const { db } = instance.connection
  const issuance = await loadIssuance(db)
  const { move } = issuance
  if (issuance.keyring === target.name) return move === undefined || withdraw(instance, issuance, move, asked)
  if (!asked.forced) await requireAllowed(instance, target)
  if (move?.to === target.name && (move.forced || !asked.forced)) return true
  const next: Move = { ...withoutAbsent(asked), to: target.name, requestedAt: await instance.store.now() }
  const saved = await saveIssuance(
    db,
    issuance,
    { keyring: issuance.keyring, move: next },
    {
      action: 'issuance.requested',
      actor: asked.by,
      details: { to: target.name, algorithm: target.algorithm, forced: asked.forced, reason: asked.reason },
    },
  )
  return saved !== undefined
}

async function withdraw(
  { connection: { db } }: Instance,
  issuance: Issuance,
  move: Move,
  { by, reason }: IssuanceRequest,
): Promise<boolean> {
  const about = { action: 'issuance.withdrawn', actor: by, details: { to: move.to, reason } } as const
  return (await saveIssuance(db, issuance, { keyring: issuance.keyring }, about)) !== undefined
}

async function requireAllowed({ hands }: Instance, target: Keyring): Promise<void> {
  const { algorithm } = target
  const refusing = verifiersRefusing(target, await hands.observe(target))
  if (refusing.length === 0) return
  const message = `${refusing.join(', ')} would refuse every token: ${algorithm} is not among the algorithms allowed there`
  throw new IdpError('ALGORITHM_UNSUPPORTED', message, { facts: { algorithm, verifiers: refusing } })
}

function withoutAbsent({ by, forced, reason }: IssuanceRequest): IssuanceRequest {
  return reason === undefined ? { by, forced } : { by, forced, reason }
}
