import { type EventProof, verifyProof } from '@rekey/database/offline'
import type { RecordedEvent } from '../providers/port.ts'
import { readEvent } from './events.ts'
import { recordsOf } from './records.ts'
import type { Evidence } from './views.ts'

/** What the proofs among the evidence prove. */
export interface Proven {
  verified: number
  /** Events that had no place in the audit yet when it was sealed. */
  waiting: number
  /** Fingerprints of the keys that signed the checkpoints: whether they are the audit's is for the reader to compare. */
  signers: string[]
  /** As sentences. */
  problems: string[]
}

/**
 * @param wanted the fingerprint of the key that the audit's checkpoints have to be signed by; the audit of a backend for frontend has
 *   another one
 */
export function checkProofs(evidence: Evidence, wanted?: string): Proven {
  const checked = recordsOf(evidence).map(({ events, of }) => checkEvents(events, of === 'bff' ? undefined : wanted))
  return checked.reduce(together, nothing)
}

const nothing: Proven = { verified: 0, waiting: 0, signers: [], problems: [] }

function together(a: Proven, b: Proven): Proven {
  return {
    verified: a.verified + b.verified,
    waiting: a.waiting + b.waiting,
    signers: [...new Set([...a.signers, ...b.signers])],
    problems: [...a.problems, ...b.problems],
  }
}

function checkEvents(events: readonly RecordedEvent[], wanted?: string): Proven {
  const proofs = events.flatMap(({ proof }) => (proof === undefined ? [] : [proof]))
  const checked = events.map((recorded) => (recorded.proof === undefined ? undefined : check(recorded, wanted)))
  const problems = checked.flatMap((each, at) =>
    each?.problem === undefined ? [] : [`event ${at + 1} of the record: ${each.problem}`],
  )
  const verified = checked.filter((each) => each !== undefined && each.problem === undefined)
  return {
    verified: verified.length,
    waiting: events.length - proofs.length,
    signers: [...new Set(verified.map((each) => each?.signer ?? ''))],
    problems: [...problems, ...doubled(events)],
  }
}

function check(
  { event, proof }: { event: string; proof?: unknown },
  wanted?: string,
): { signer: string; problem?: string } {
  // It is part of a document of somebody else: it may be anything.
  if (typeof proof !== 'object' || proof === null) return { signer: '', problem: 'its proof is none' }
  const { signer, problem } = verifyProof(proof as EventProof, wanted)
  if (problem !== undefined) return { signer, problem }
  return (proof as EventProof).event === event ? { signer } : { signer, problem: 'its proof is that of another event' }
}

function doubled(events: readonly { event: string }[]): string[] {
  const ids = events.flatMap((each) => readEvent(each)?.id ?? [])
  return new Set(ids).size === ids.length ? [] : ['an event stands in the record twice']
}
