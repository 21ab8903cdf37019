import { BreakGlassError } from '../error.ts'

/**
 * The formats that this release writes and knows. Archives are kept for years, and every release has to go on verifying those of
 * each format that there ever was: what would judge, or read, one that is sealed already otherwise than before is a new format.
 */
export const formats = {
  archive: 'rekey-evidence/1',
  incident: 'rekey-incident-evidence/1',
  period: 'rekey-period-evidence/1',
  /** With the inventory of the estate, and how far its schedule was kept. */
  estatePeriod: 'rekey-period-evidence/2',
} as const

const known: readonly string[] = Object.values(formats)
const ofEvidence = /^rekey-(?:incident-|period-)?evidence\/\d{1,6}$/

/** @throws BreakGlassError `EVIDENCE_INVALID` with `facts.format` for a document of a format that only other releases know */
export function refuseUnknownFormat(document: unknown): void {
  const format: unknown = Object(document).format
  if (typeof format !== 'string' || !ofEvidence.test(format) || known.includes(format)) return
  throw new BreakGlassError(
    'EVIDENCE_INVALID',
    `it has the format ${format}, which this release does not know: another one can tell whether it holds`,
    { format },
  )
}
