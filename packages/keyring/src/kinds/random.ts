import type { Material } from '../lifecycle/version.ts'

const secretBytes = 32

/** 32 random bytes in base64url, which is the secret, under a name of the keyring's. */
export function randomMaterial(name: string, random: (bytes: number) => Buffer): Material {
  return {
    id: `${name}-${random(6).toString('hex')}`,
    publicPart: {},
    sealedPrivate: random(secretBytes).toString('base64url'),
  }
}
