/** Verifies an export by itself: nothing here needs a database. */
import { complaints, type KeptCheckpoint, readCheckpointLine, vouchOf } from '../checkpoints.ts'
import { type CheckpointKeys, openByKeys } from '../keys.ts'
import { hashPrefixed } from '../merkle/hash.ts'
import { fingerprintOf, openNote } from '../note.ts'
import { Findings, type Verdict } from './findings.ts'
import { prefixedLines } from './lines.ts'
import { claimsOutside, keysOutside, vouchesOutside } from './outside.ts'
import { type Vouch, Walk } from './walk.ts'

/** A file's stream, or its text in pieces. */
export type Bytes = AsyncIterable<Uint8Array | string>

/** What an export is held against, besides itself. */
export interface ExportOptions {
  /**
   * The fingerprint of the key that must have signed it. Without it the key is the last one that `checkpoints` name, or else
   * the one that the export names: then look at `signer` yourself, because anybody can make keys. After a change of the root
   * key it is another one: see keys.ts for why the former one cannot tell which. An export from before that is good by the new
   * one where `checkpoints` has it, and as far as they cover the export.
   */
  signer?: string
  /** The text of a file of checkpoints that an instance kept outside the database. */
  checkpoints?: string
  /** Another export of the same audit, an earlier one for example. */
  against?: Bytes
}

/**
 * Checks every event of an export: its place, its link to the one before, and the Merkle roots that its own checkpoint, and
 * those kept elsewhere, were signed over.
 */
export async function verifyExport(lines: Bytes, options: ExportOptions = {}): Promise<Verdict> {
  const findings = new Findings()
  const walk = new Walk(findings)
  const outside = options.checkpoints ?? ''
  // An empty file vouches for nothing, and must not look as if it had.
  if (options.checkpoints?.trim() === '') findings.add('empty', 'there is no checkpoint in the file of those outside')
  const kept = keysOutside(outside, options.signer)
  walk.expect(await claimsOutside(outside))
  const { checkedCount, end } = await read(lines, walk, findings, options.against)
  const wanted = options.signer ?? (kept && fingerprintOf(kept.publicKey))
  const { signer, closedAt, keys = kept ?? nobody } = judgeEnd(end, walk, findings, wanted, kept)
  // Only now it is known which keys the newest one names as its predecessors.
  const vouched = await vouchesOutside(outside, keys, findings)
  if (outside.trim() !== '' && vouched.length === 0) {
    findings.add('checkpoint-foreign', 'no checkpoint outside is signed by that key')
  }
  const later = walk.finish(closedAt)
  const notes = later ? { notes: [newer(later, walk.seq)] } : {}
  return { ...findings.verdict({ checkedCount, size: walk.seq, root: walk.root(), signer }), ...notes }
}

/** Whoever looks at what happened lately must not take an export of before for all there is. */
function newer({ by, size, time }: Vouch, seq: number): string {
  return `${by} covers ${size} events and is newer than this export (${time}): it says nothing about events from ${seq + 1} on`
}

async function read(lines: Bytes, walk: Walk, findings: Findings, against: Bytes | undefined) {
  const theirs = against === undefined ? [] : await hashesOf(against)
  if (against && theirs.length === 0) findings.add('empty', 'there is no event in the other export')
  let checkedCount = 0
  let end: string | undefined
  for await (const some of prefixedLines(lines)) {
    for (const line of some) {
      if (end !== undefined) findings.add('malformed', 'something stands after the checkpoint at the end')
      else if (isCheckpoint(line)) end = line.toString('utf8', 1)
      else {
        checkedCount += 1
        compare(walk.take(line), theirs, walk, findings)
      }
    }
  }
  return { checkedCount, end }
}

function compare(hash: string, theirs: readonly string[], walk: Walk, findings: Findings): void {
  const other = theirs[walk.seq - 1]
  if (other === undefined || other === hash || findings.hasWithin(1, walk.seq)) return
  findings.add('differs', `event ${walk.seq} is another one in the other export`, { seq: walk.seq })
}

/** Of whom nothing is signed. */
const nobody: CheckpointKeys = { publicKey: Buffer.alloc(32) }

interface End {
  signer: string
  keys?: CheckpointKeys
  closedAt?: string
}

/**
 * @param kept a key of the file outside: one that it names as replaced may have signed an export of before that
 * @returns the fingerprint of the key that the export names, or of the one that replaced it since, by which keys checkpoints
 *   are good if that is the one that is wanted, and when it was signed to end where it does
 */
function judgeEnd(
  line: string | undefined,
  walk: Walk,
  findings: Findings,
  wanted: string | undefined,
  kept: CheckpointKeys | undefined,
): End {
  const end = line === undefined ? undefined : readCheckpointLine(line)
  const seq = walk.vouchedFor + 1
  if (!end) {
    findings.add('unsigned', `there is no checkpoint at the end: nothing vouches for events from ${seq} on`, { seq })
    return { signer: '' }
  }
  const signer = fingerprintOf(end.publicKey)
  if (kept && wanted !== signer && openByKeys(end.checkpoint, kept)) return judgeReplaced(end, kept, walk, findings)
  const { publicKey } = wanted === undefined || wanted === signer ? end : nobody
  const keys = { publicKey, former: openNote(end.checkpoint, publicKey)?.former ?? [] }
  const vouch = vouchOf(end.checkpoint, { publicKey }, 'the checkpoint at the end')
  if (typeof vouch === 'string') findings.add(vouch, `the checkpoint at the end ${complaints[vouch]}`, { seq })
  else if (vouch.size < walk.seq) {
    findings.add('unsigned', `the checkpoint at the end covers ${vouch.size} events only`, { seq: vouch.size + 1 })
  } else {
    walk.expect([vouch])
    return { signer, keys, ...(vouch.time === undefined ? {} : { closedAt: vouch.time }) }
  }
  return { signer }
}

/**
 * It ends with a checkpoint of a key that was replaced since, whose thief could make exports too. So that alone vouches for
 * nothing: what counts is up to where the file outside covers it, which was written while the key was good.
 */
function judgeReplaced(end: KeptCheckpoint, kept: CheckpointKeys, walk: Walk, findings: Findings): End {
  const vouch = openByKeys(end.checkpoint, kept)
  if (vouch) walk.expect([{ ...vouch, by: `the checkpoint at the end of ${vouch.size} events`, onlyAccuses: true }])
  const seq = walk.vouchedFor + 1
  if (seq <= walk.seq) {
    const message = `the key that signed the end was replaced since, and no checkpoint outside covers events from ${seq} on: export them again`
    findings.add('unsigned', message, { seq })
  }
  const closedAt = vouch?.time
  return { signer: fingerprintOf(kept.publicKey), keys: kept, ...(closedAt === undefined ? {} : { closedAt }) }
}

async function hashesOf(lines: Bytes): Promise<string[]> {
  const hashes: string[] = []
  for await (const some of prefixedLines(lines)) {
    for (const line of some) if (!isCheckpoint(line)) hashes.push(hashPrefixed(line))
  }
  return hashes
}

const checkpointStart = Buffer.from('\0{"checkpoint":')

// An event begins with its action; comparing one byte is enough to tell most lines apart.
function isCheckpoint(line: Buffer): boolean {
  return line[3] === checkpointStart[3] && line.subarray(0, checkpointStart.length).equals(checkpointStart)
}
