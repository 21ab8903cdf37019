import { BreakGlassError } from '../error.ts'
import { falseClaims } from './claims.ts'
import { differences, isSignedManifest, type Manifest } from './manifest.ts'
import { evidenceIn, type Opened, openArchive } from './open.ts'
import { checkProofs, type Proven } from './proofs.ts'
import { type Evidence, isIncident, nameOf, reportsForm, viewsOf } from './views.ts'

/** What an archive of evidence is worth, as far as its bytes tell. */
export interface EvidenceVerdict {
  /** It is what was sealed by the key that it names, and what it says fits together. */
  consistent: boolean
  /** Whether that key is one of those that were given as known. */
  signer: 'known' | 'unknown'
  /** SHA-256 of that key; empty where the file is none of evidence. */
  fingerprint: string
  /** As sentences; none when it is consistent. */
  problems: string[]
  /** Set where it may hold, but has a format that this release does not know: another release can tell. */
  unknownFormat?: string
  kind?: Manifest['kind']
  name?: string
  sealedAt?: string
  /**
   * Whether `report.md` and `report.html` were compared with what `evidence.json` says. Those of another release cannot be: they are
   * what was signed, and may say anything. Absent where nothing was read.
   */
  reports?: 'compared' | 'of another release'
  proofs: Omit<Proven, 'problems'>
}

/** Fingerprints in hexadecimal digits. */
export interface Known {
  /** The key that it must be sealed by. */
  signer?: string
  /** Keys that the reader knows besides. */
  known?: readonly string[]
  /** The key that the audit's checkpoints must be signed by. */
  auditSigner?: string
}

type Contents = Pick<EvidenceVerdict, 'problems' | 'unknownFormat' | 'reports' | 'proofs'>

const noProofs = { verified: 0, waiting: 0, signers: [] }

/** Verifies an archive of evidence. Nothing but its bytes is needed, and nothing in it can make this throw. */
export function verifyEvidence(bytes: Uint8Array, { signer, known = [], auditSigner }: Known = {}): EvidenceVerdict {
  const { value: opened, failed } = reading(() => openArchive(bytes))
  if (failed) return { consistent: false, signer: 'unknown', fingerprint: '', ...failed }
  const { kind, name, sealedAt, signer: by } = opened.manifest
  // What is not as it was sealed says nothing: it is not read any further.
  const unsealed = sealProblems(opened)
  const found = unsealed.length > 0 ? { problems: unsealed, proofs: noProofs } : contents(opened, auditSigner)
  const isKnown =
    unsealed.length === 0 && (signer === undefined ? known.includes(by.fingerprint) : by.fingerprint === signer)
  const consistent = found.problems.length === 0
  const sealed = { signer: isKnown ? 'known' : 'unknown', fingerprint: by.fingerprint, kind, name, sealedAt } as const
  return { consistent, ...sealed, ...found }
}

/** What `read` returns, or why it could not. */
function reading<T>(read: () => T): { value: T; failed?: undefined } | { value?: undefined; failed: Contents } {
  try {
    return { value: read() }
  } catch (error) {
    if (!(error instanceof BreakGlassError && error.code === 'EVIDENCE_INVALID')) throw error
    const { format } = error.facts
    const problems = [error.message]
    return { failed: { problems, ...(typeof format === 'string' && { unknownFormat: format }), proofs: noProofs } }
  }
}

function sealProblems({ manifest, signed, jws, files }: Opened): string[] {
  const isSigned = isSignedManifest(manifest, signed, jws)
  return [...(isSigned ? [] : ['the manifest is not signed by the key that it names']), ...differences(manifest, files)]
}

function contents(opened: Opened, auditSigner: string | undefined): Contents {
  const { value: evidence, failed } = reading(() => evidenceIn(opened))
  if (failed) return failed
  const { manifest } = opened
  const { problems, ...proofs } = checkProofs(evidence, auditSigner)
  const others = [
    ...aboutProblems(manifest, evidence),
    ...foreignViews(opened, evidence).map((name) => `${name} says other things than evidence.json`),
    ...falseClaims(evidence),
  ]
  const reports = isComparable(manifest) ? 'compared' : 'of another release'
  return { problems: [...others, ...problems], reports, proofs }
}

const isComparable = ({ reports }: Manifest) => reports === reportsForm

/** Files that are not what they are when they are made anew. */
function foreignViews({ manifest, files }: Opened, evidence: Evidence): string[] {
  const views = viewsOf(evidence, manifest.signer.fingerprint)
  const foreign = views.filter((view, at) => !Buffer.from(view.bytes).equals(files[at + 1]?.bytes ?? new Uint8Array()))
  return foreign.map(({ name }) => name).filter((name) => isComparable(manifest) || !name.startsWith('report.'))
}

function aboutProblems({ kind, name, sealedAt }: Manifest, evidence: Evidence): string[] {
  const isSame =
    kind === (isIncident(evidence) ? 'incident' : 'period') &&
    name === nameOf(evidence) &&
    sealedAt === evidence.sealedAt
  return isSame ? [] : ['the manifest is that of other evidence']
}
