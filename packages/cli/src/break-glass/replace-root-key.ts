import { isThere, type Plan } from '@rekey/breakglass'
import { ensureFreshKey } from '../root-keys/add.ts'
import { type Shell, tell } from '../shell.ts'
import type { Concerned } from './provider.ts'

/**
 * Where the database may have leaked, what is in it has to be sealed anew by another root key. For the estate in this home
 * that is put in place here; elsewhere the IdP refuses until somebody did.
 *
 * Nothing is changed for a key that nobody knows, for an incident that would not begin, and for one that began before: its
 * root key was replaced then. Where it did not begin although its root key was replaced, that one is taken when it is tried again.
 */
export async function replaceRootKey(plan: Plan, { provider, client }: Concerned, shell: Shell): Promise<void> {
  if (client === undefined || !isReplacedHere({ client }, shell)) return
  if (await isThere(plan.incident, { provider })) return
  const { key, obstacles } = await provider.inspect(plan)
  if (key === undefined || obstacles.some(({ code }) => code !== 'ROOT_KEY_NOT_REPLACED')) return
  tell(shell, 'The estate gets a new root key …')
  await ensureFreshKey(client, shell)
  tell(shell, 'Every instance seals by it now. Back it up: what it sealed cannot be opened without it.')
}

/** Whether the root key is that of the estate in this home, where it is replaced without being asked for. */
export function isReplacedHere({ client }: Pick<Concerned, 'client'>, shell: Shell): boolean {
  return client !== undefined && !shell.env.REKEY_IDP
}
