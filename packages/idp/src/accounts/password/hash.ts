/**
 * Passwords as they are stored: Argon2id in the PHC string format. The parameters stand in the string, so that they can grow: what
 * was hashed by weaker ones is hashed anew at the next login.
 */

import { type Argon2Parameters, argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { turns } from '@rekey/service'

/** What hashing costs: `memory` in KiB. */
interface Cost {
  memory: number
  passes: number
  parallelism: number
}

/** OWASP, Password Storage Cheat Sheet: at least 19 MiB and two passes. 40 ms on a core of 2024. */
const current: Cost = { memory: 19_456, passes: 2, parallelism: 1 }
const [saltBytes, tagBytes] = [16, 32]

const derive = promisify(argon2)

/**
 * It takes 19 MiB and one of the four threads that files and names are read by, too: more than two at once would keep those
 * waiting, and a flood of logins would take memory without end. What may wait is some 2 s of work.
 */
const inTurn = turns(2, 100)

/** @throws IdpError `OVERLOADED` */
export async function hashPassword(password: string, cost: Cost = current): Promise<string> {
  const salt = randomBytes(saltBytes)
  return stringOf(cost, salt, await tagOf(password, salt, cost, tagBytes))
}

/** @throws IdpError `OVERLOADED`; Error for a text that is no such hash */
export async function isPassword(password: string, stored: string): Promise<boolean> {
  const { salt, tag, cost } = parsed(stored)
  return timingSafeEqual(await tagOf(password, salt, cost, tag.length), tag)
}

/** Was it hashed at less cost than new ones are? */
export function isWeak(stored: string): boolean {
  const { cost } = parsed(stored)
  return cost.memory < current.memory || cost.passes < current.passes
}

/** Compared with where there is no account: that takes as long, and no password fits. */
export const nobodysPassword = stringOf(current, randomBytes(saltBytes), randomBytes(tagBytes))

function tagOf(password: string, nonce: Buffer, cost: Cost, tagLength: number): Promise<Buffer> {
  // The same letters can be typed as different code points (NIST SP 800-63B §3.1.1.2).
  const parameters: Argon2Parameters = { ...cost, message: password.normalize('NFKC'), nonce, tagLength }
  return inTurn('passwords', () => derive('argon2id', parameters))
}

function stringOf({ memory, passes, parallelism }: Cost, salt: Buffer, tag: Buffer): string {
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
}

const form = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([\w+/-]+)\$([\w+/-]+)$/

function parsed(stored: string): { cost: Cost; salt: Buffer; tag: Buffer } {
  const [, memory, passes, parallelism, salt, tag] = form.exec(stored) ?? []
  if (!salt || !tag) throw new Error('a stored password hash is malformed')
  const cost = { memory: Number(memory), passes: Number(passes), parallelism: Number(parallelism) }
  return { cost, salt: Buffer.from(salt, 'base64'), tag: Buffer.from(tag, 'base64') }
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('=', '')
}
