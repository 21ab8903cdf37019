import type { Shell } from '../shell.ts'

/** What became of it. */
export interface RotatedKeys {
  kid: string
}

/** Replaces the key in the folder of BFF_KEYS_DIR, on this machine. */
export async function rotateKeysHere({ env }: Pick<Shell, 'env'>): Promise<RotatedKeys> {
  // Loaded here alone: no other command needs it.
  const { rotateKeys } = await import('@rekey/bff')
  return await rotateKeys(env)
}
