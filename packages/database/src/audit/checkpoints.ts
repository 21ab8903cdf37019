import { type CheckpointKeys, openByKeys } from './keys.ts'
import { decodeUnverified, readVerifierKey, verifierKey } from './note.ts'
import type { Vouch } from './verify/walk.ts'

/** A checkpoint as it is kept in files and at the end of an export: a line of JSON, with the key that it can be checked by. */
export interface KeptCheckpoint {
  checkpoint: string
  publicKey: Buffer
}

export function checkpointLine(note: string, publicKey: Buffer): string {
  const origin = decodeUnverified(note)?.origin ?? ''
  return `${JSON.stringify({ checkpoint: note, publicKey: verifierKey(origin, publicKey) })}\n`
}

export function readCheckpointLine(line: string): KeptCheckpoint | undefined {
  let read: Partial<Record<keyof KeptCheckpoint, unknown>>
  try {
    read = JSON.parse(line)
  } catch {
    return undefined
  }
  const publicKey = readVerifierKey(String(read?.publicKey))
  return typeof read?.checkpoint === 'string' && publicKey ? { checkpoint: read.checkpoint, publicKey } : undefined
}

/** The lines of a file of checkpoints. What a crash cut short ends otherwise; nobody relied on it. */
export function linesOfFile(text: string): string[] {
  return text.split('\n').filter((line) => line.endsWith('}'))
}

/** What a note vouches for, or what is wrong with it. */
export function vouchOf(
  note: string,
  keys: CheckpointKeys,
  by: string,
): Vouch | 'checkpoint-foreign' | 'checkpoint-invalid' {
  const checkpoint = openByKeys(note, keys)
  if (checkpoint) return { ...checkpoint, by: `${by} of ${checkpoint.size} events` }
  return decodeUnverified(note) ? 'checkpoint-foreign' : 'checkpoint-invalid'
}

/** For messages. */
export const complaints = {
  'checkpoint-foreign': 'is not signed by the key of this audit',
  'checkpoint-invalid': 'is damaged',
} as const
