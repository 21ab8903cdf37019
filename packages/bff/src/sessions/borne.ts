/** What the cookie of a session holds, inside its seal. */
import { randomBytes, randomUUID } from 'node:crypto'

export const sessionCookie = 'bff_session'

/** It is sealed for this, and opens for nothing else. */
export const sessionPurpose = 'session'

/** What the browser bears, sealed in its cookie. */
export interface Borne {
  /** The row. */
  readonly id: string
  /** Whoever has it is the browser that logged in. */
  readonly token: string
}

const idBytes = 16
const tokenBytes = 32

export function newBorne(): Borne {
  return { id: randomUUID(), token: randomBytes(tokenBytes).toString('base64url') }
}

export function bytesOf({ id, token }: Borne): Buffer {
  return Buffer.concat([Buffer.from(id.replaceAll('-', ''), 'hex'), Buffer.from(token, 'base64url')])
}

export function borneIn(bytes: Buffer): Borne | undefined {
  if (bytes.length !== idBytes + tokenBytes) return undefined
  const id = bytes.toString('hex', 0, idBytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  return { id, token: bytes.toString('base64url', idBytes) }
}
