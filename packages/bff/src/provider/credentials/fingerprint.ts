import { scrypt } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(scrypt) as (secret: string, salt: string, length: number) => Promise<Buffer>

/**
 * Tells secrets of one client apart in the database, in logs and for operators. Slow, and another one for each client: people choose
 * some of those secrets themselves.
 */
export async function fingerprintOf(clientId: string, secret: string): Promise<string> {
  return (await derive(secret, `client secret of ${clientId}`, 8)).toString('hex')
}
