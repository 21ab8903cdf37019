import { hkdfSync } from 'node:crypto'
import type { SealingKeys } from '@rekey/database'

/**
 * By which the OpenID provider signs its cookies, and knows them: one of each root key that is held. First the one by which every
 * instance seals: a newer one may not be known to all of them yet, and they would not know the cookie.
 */
export function cookieKeys({ all, sealing }: SealingKeys): string[] {
  const inOrder = [sealing, ...all.filter(({ id }) => id !== sealing.id)]
  return inOrder.map(({ key }) =>
    Buffer.from(hkdfSync('sha256', key, Buffer.alloc(0), 'rekey oidc cookies', 32)).toString('base64url'),
  )
}

/** @returns tells them; the same array for as long as they are the same */
export function heldCookieKeys(roots: SealingKeys): () => readonly string[] {
  let from = ''
  let keys: readonly string[] = []
  return () => {
    const ids = [roots.sealing, ...roots.all].map(({ id }) => id).join()
    if (ids !== from) keys = cookieKeys(roots)
    from = ids
    return keys
  }
}
