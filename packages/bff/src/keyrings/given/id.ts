import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'

const scryptHash = promisify<string, string, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(
  scrypt,
)

/** Interactive cost: many milliseconds. A given secret may be weak, and its version's id is shown to operators and in cookies. */
const cost = { N: 32_768, r: 8, p: 1, maxmem: 67_108_864 }

/**
 * The id of the version that a given secret is: the same on every replica that is given it, and another one in each keyring.
 *
 * @returns `given-` and 16 hexadecimal digits
 */
export async function givenId(keyring: string, secret: string): Promise<string> {
  const digest = await scryptHash(secret, `rekey given ${keyring}`, 8, cost)
  return `given-${digest.toString('hex')}`
}

/** Was a version given, and not made by us? */
export const isGivenId = (id: string): boolean => id.startsWith('given-')
