import type { Sealer } from '@rekey/database'
import { sealColumnKeysAnew } from '../columns/seal-anew.ts'
import { sealSecretsAnew } from '../credentials/seal-anew.ts'
import { tendProbes } from '../incidents/remedies/stored-probes.ts'
import { sealStateAnew } from '../oidc/state/seal-anew.ts'
import { sealPendingTokensAnew } from '../registration/access-tokens/seal-anew.ts'
import type { IdpDatabase } from '../tables.ts'
import { total } from './total.ts'

/**
 * Seals anew what is kept for long, so that a root key that was replaced can be removed. Private halves of signing keys go with their rotation, replies
 * of a change after a day.
 *
 * @param sealing the id of the root key by which is sealed now
 * @returns how many things one pass sealed; there may be more
 */
export async function sealAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<number> {
  const tasks = [tendProbes, sealSecretsAnew, sealStateAnew, sealPendingTokensAnew, sealColumnKeysAnew].map((task) =>
    task(db, sealer, sealing),
  )
  // One that does not open must not keep the others from it.
  return total(await Promise.allSettled(tasks))
}

/** Until nothing is left. Every live instance seals by that root key already: otherwise two would undo each other's work. */
export async function sealAllAnew(db: IdpDatabase, sealer: Sealer, sealing: string): Promise<void> {
  while ((await sealAnew(db, sealer, sealing)) > 0);
}
