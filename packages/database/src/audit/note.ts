/**
 * Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint): text that other software can check as well.
 *
 *     <origin>
 *     <number of events>
 *     <Merkle root, base64>
 *     time <ISO 8601>
 *     head <hash of the last event, hexadecimal>
 *     former <number of events> <public key, base64>        of each key that was replaced; see keys.ts
 *
 *     — <origin> <key id and Ed25519 signature, base64>
 */
import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { noHash } from './canonical.ts'
import type { FormerKey } from './keys.ts'

/** What a checkpoint says of the chain. Hashes are hexadecimal digits. */
export interface Checkpoint {
  origin: string
  /** How many events it covers. */
  size: number
  root: string
  /** The hash of the last of them; zeros when there is none. */
  head: string
  /** ISO 8601, by the database's clock. */
  time: string
  /** The keys that signed before this one, the oldest first; absent where there is none. */
  former?: readonly FormerKey[]
}

/** The signature type of Ed25519 in C2SP signed notes. */
const ed25519 = 1
const spkiHeader = Buffer.from('302a300506032b6570032100', 'hex')
/** The most keys that a note names as replaced. */
export const mostFormer = 99
const form =
  /^([^\s+]+)\n(0|[1-9]\d{0,15})\n([A-Za-z0-9+/]{43}=)\ntime (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)\nhead ([0-9a-f]{64})\n((?:former (?:0|[1-9]\d{0,15}) [A-Za-z0-9+/]{43}=\n){0,99})\n— ([^\s+]+) ([A-Za-z0-9+/]{91}=)\n(?:— [^\s+]+ [A-Za-z0-9+/]+=*\n)*$/

/** The part of the note that is signed. */
function bodyOf({ origin, size, root, time, head, former = [] }: Checkpoint): string {
  const replaced = former.map(({ publicKey, upTo }) => `former ${upTo} ${publicKey.toString('base64')}\n`).join('')
  return `${origin}\n${size}\n${Buffer.from(root, 'hex').toString('base64')}\ntime ${time}\nhead ${head}\n${replaced}`
}

function formerIn(lines: string): FormerKey[] {
  return [...lines.matchAll(/^former (\d+) (\S+)$/gm)].map(([, upTo, key = '']) => {
    return { upTo: Number(upTo), publicKey: Buffer.from(key, 'base64') }
  })
}

/**
 * Puts a note together.
 *
 * @throws RangeError when it would be one that nobody can read
 */
export function noteOf(checkpoint: Checkpoint, publicKey: Buffer, sign: (body: Buffer) => Buffer): string {
  const body = bodyOf(checkpoint)
  const signature = Buffer.concat([keyId(checkpoint.origin, publicKey), sign(Buffer.from(body))])
  const note = `${body}\n— ${checkpoint.origin} ${signature.toString('base64')}\n`
  if (!decodeUnverified(note)) throw new RangeError('a checkpoint like this could not be read')
  return note
}

/** Reads a note without looking at its signature; nothing when it is none of ours. */
export function decodeUnverified(note: string): Checkpoint | undefined {
  const [, origin = '', size, root = '', time = '', head = '', replaced = '', name] = form.exec(note) ?? []
  const former = replaced === '' ? {} : { former: formerIn(replaced) }
  const rootHex = Buffer.from(root, 'base64').toString('hex')
  const checkpoint = { origin, size: Number(size), root: rootHex, time, head, ...former }
  const isEmptyHead = checkpoint.size === 0 ? head === noHash : true
  return name !== undefined && name === origin && isEmptyHead ? checkpoint : undefined
}

/** What a note says, if it is signed by this key first; who signed it besides (C2SP: cosignatures) is not looked at. */
export function openNote(note: string, publicKey: Buffer): Checkpoint | undefined {
  const checkpoint = decodeUnverified(note)
  const signature = Buffer.from(form.exec(note)?.[8] ?? '', 'base64')
  if (!checkpoint || !signature.subarray(0, 4).equals(keyId(checkpoint.origin, publicKey))) return undefined
  const body = bodyOf(checkpoint)
  if (!note.startsWith(`${body}\n`)) return undefined
  return verify(null, Buffer.from(body), keyOf(publicKey), signature.subarray(4)) ? checkpoint : undefined
}

const keys = new WeakMap<Buffer, KeyObject>()

// Making one takes about as long as a check does.
function keyOf(publicKey: Buffer): KeyObject {
  const made = keys.get(publicKey)
  if (made) return made
  const key = createPublicKey({ key: Buffer.concat([spkiHeader, publicKey]), format: 'der', type: 'spki' })
  keys.set(publicKey, key)
  return key
}

/** A public key in the form in which tools for signed notes take it: `<name>+<key id>+<key>`. */
export function verifierKey(origin: string, publicKey: Buffer): string {
  const key = Buffer.concat([Buffer.of(ed25519), publicKey]).toString('base64')
  return `${origin}+${keyId(origin, publicKey).toString('hex')}+${key}`
}

/** The public key within such a text. */
export function readVerifierKey(text: string): Buffer | undefined {
  const [, origin = '', id, encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]{44})$/.exec(text) ?? []
  const bytes = Buffer.from(encoded, 'base64')
  const publicKey = bytes.subarray(1)
  if (bytes[0] !== ed25519 || publicKey.length !== 32 || keyId(origin, publicKey).toString('hex') !== id)
    return undefined
  return publicKey
}

/** By which a signer is known: SHA-256 of its public key, in hexadecimal digits. */
export const fingerprintOf = (publicKey: Buffer): string => hash('sha256', publicKey)

/** How what follows the name in a note's last line begins: that much of it is the key's id alone. */
export function signatureStart(origin: string, publicKey: Buffer): string {
  return keyId(origin, publicKey).toString('base64').slice(0, 5)
}

function keyId(name: string, publicKey: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519), publicKey])
  return Buffer.from(hash('sha256', named), 'hex').subarray(0, 4)
}
