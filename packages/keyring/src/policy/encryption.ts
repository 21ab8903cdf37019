import type { Policy } from './signing.ts'

const dayMs = 86_400_000

/** What holds where nothing is said, as in documents of releases that did not know these members: the careful side. */
const backupsKeptByDefaultMs = 30 * dayMs

/** How long an encryption key is kept for backups when no row hangs on it any more, in milliseconds. */
export function backupsKeptOf({ backupsKeptMs = backupsKeptByDefaultMs }: Policy): number {
  return backupsKeptMs
}

/** How long an encryption key lies in escrow after it was retired, in milliseconds; 0: there is no escrow. */
export function escrowOf({ escrowForMs = 0 }: Policy): number {
  return escrowForMs
}

/** How long a revoked encryption key lies in escrow: backups are of no use without it, whoever else may have it. */
export function escrowOfRevoked(policy: Policy): number {
  return Math.max(backupsKeptOf(policy), escrowOf(policy))
}
