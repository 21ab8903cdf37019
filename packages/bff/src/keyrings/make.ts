import type { Sealer } from '@rekey/database'
import { type Keyring, type Material, makeSalt, makeSealingKey } from '@rekey/keyring'

/** Where the secret of a version is stored; sealing binds it to this place. */
export function recordOf(keyring: string, id: string): string {
  return `keyrings/${keyring}/${id}`
}

/** A version whose secret is a text. */
export function sealedMaterial(sealer: Sealer, keyring: string, id: string, secret: string): Material {
  return { id, publicPart: {}, sealedPrivate: sealer.seal(recordOf(keyring, id), Buffer.from(secret)) }
}

/** Makes versions of the BFF's own keyrings: random, and sealed. */
export function versionMaker(sealer: Sealer): (keyring: Keyring) => Promise<Material> {
  return async (keyring) => {
    const { id, sealedPrivate = '' } = await (keyring.kind === 'salt' ? makeSalt : makeSealingKey)(keyring)
    return sealedMaterial(sealer, keyring.name, id, sealedPrivate)
  }
}
